import { type EvidenceSummary, SEVERITIES } from '@sluice/promotion'
import { StoreError } from '../errors.ts'
import { isId } from '../id.ts'
import { principalNames } from '../promotion/names.ts'
import type { Transaction } from '../transaction.ts'

/** A piece of evidence as `GET /evidence` answers it. */
export interface EvidenceView {
  readonly id: string
  readonly digest: string
  readonly type: string
  readonly format: string
  readonly predicateType: string | null
  /** Of the raw bytes. */
  readonly sha256: string
  readonly size: number
  readonly claimedAt: string | null
  readonly receivedAt: string
  readonly receivedBy: string | null
  /** `lane/key` whose signature it carries; null: of no key that was known when it came. */
  readonly verified: string | null
  /** What was read out of it; of long lists the first fifty. */
  readonly summary: EvidenceSummary & { readonly counts?: { readonly [severity: string]: number } }
}

interface Row extends Omit<EvidenceView, 'receivedAt' | 'claimedAt' | 'receivedBy' | 'summary'> {
  readonly summary: EvidenceSummary
  readonly claimedAt: Date | null
  readonly receivedAt: Date
  readonly senderId: string
}

/** Of each list of a summary; the raw bytes have all. */
const SHOWN = 50

/** Evidence about a digest that some visible feed holds, newest first. */
export async function listEvidence(
  tx: Transaction,
  filter: {
    readonly digest: string
    readonly limit: number
    readonly after?: string
    readonly visibleFeedIds: readonly string[]
  },
): Promise<{ items: EvidenceView[]; next: string | null }> {
  const { digest, limit, after, visibleFeedIds } = filter
  if (!(await visible(tx, digest, visibleFeedIds))) {
    throw new StoreError('digest_unknown', `there is no ${digest} that you may see`, { field: 'digest' })
  }
  const from = isId(after ?? '') ? (after ?? null) : null
  const rows = await tx.$queryRaw<Row[]>`
    select id, subject as digest, type, format, predicate_type as "predicateType", sha256, octet_length(bytes) as size,
      claimed_at as "claimedAt", received_at as "receivedAt", received_by as "senderId", verified, summary
    from evidence where subject = ${digest} and (${from}::uuid is null or
      (received_at, id) < (select x.received_at, x.id from evidence x where x.id = ${from}::uuid))
    order by received_at desc, id desc limit ${limit + 1}`
  const items = await views(tx, rows.slice(0, limit))
  return { items, next: rows.length > limit ? (items[items.length - 1]?.id ?? null) : null }
}

/** One piece; null when there is none, or none that may be seen. */
export async function findEvidence(
  tx: Transaction,
  id: string,
  visibleFeedIds: readonly string[],
): Promise<EvidenceView | null> {
  if (!isId(id)) return null
  const rows = await tx.$queryRaw<Row[]>`
    select id, subject as digest, type, format, predicate_type as "predicateType", sha256, octet_length(bytes) as size,
      claimed_at as "claimedAt", received_at as "receivedAt", received_by as "senderId", verified, summary
    from evidence where id = ${id}::uuid`
  const [row] = rows
  if (row === undefined || !(await visible(tx, row.digest, visibleFeedIds))) return null
  const [view] = await views(tx, rows)
  return view ?? null
}

/** The raw bytes, which are UTF-8 in every format; '' when there is none. */
export async function readContent(tx: Transaction, id: string): Promise<string> {
  const [row] = await tx.$queryRaw<{ bytes: Uint8Array }[]>`select bytes from evidence where id = ${id}::uuid`
  return new TextDecoder().decode(row?.bytes)
}

async function visible(tx: Transaction, digest: string, feedIds: readonly string[]): Promise<boolean> {
  const rows = await tx.$queryRaw<unknown[]>`
    select from repository_manifest rm join repository r on r.id = rm.repository_id
    where rm.digest = ${digest} and r.feed_id = any (${[...feedIds]}::uuid[]) limit 1`
  return rows.length > 0
}

async function views(tx: Transaction, rows: readonly Row[]): Promise<EvidenceView[]> {
  const names = await principalNames(
    tx,
    rows.map(({ senderId }) => senderId),
  )
  return rows.map(({ senderId, claimedAt, receivedAt, summary, ...row }) => ({
    ...row,
    claimedAt: claimedAt?.toISOString() ?? null,
    receivedAt: receivedAt.toISOString(),
    receivedBy: names.get(senderId) ?? null,
    summary: shortened(summary),
  }))
}

/** The first of what may be many; the counts stand beside them. */
function shortened(summary: EvidenceSummary): EvidenceView['summary'] {
  if (summary.kind === 'vulnerabilities') {
    const counts = Object.fromEntries(
      SEVERITIES.map((severity) => [
        severity,
        summary.findings.filter((finding) => finding.severity === severity).length,
      ]),
    )
    return { ...summary, counts, findings: summary.findings.slice(0, SHOWN) }
  }
  if (summary.kind === 'vex') return { ...summary, statements: summary.statements.slice(0, SHOWN) }
  if (summary.kind === 'sbom') return { ...summary, licences: summary.licences.slice(0, SHOWN) }
  return summary
}
