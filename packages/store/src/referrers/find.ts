import { type Carried, decideLate, type LateLayer, type LateVerdict } from '@sluice/promotion'
import type pg from 'pg'
import {
  type CarriedEvidence,
  evidenceLayers,
  type Layer,
  readCarried,
  REFERRERS_LIMIT,
} from '../evidence/attached.ts'
import { SIGNED_FORMATS } from '../evidence/facts.ts'
import type { LayerReader } from '../evidence/layers.ts'
import { signersOf } from '../evidence/signers.ts'
import { newId } from '../id.ts'
import type { Transaction } from '../transaction.ts'
import type { LateScan } from './due.ts'

/** An artifact that came to the source after the promotion, and what is to become of it. */
export interface Late {
  readonly id: string
  readonly subject: string
  readonly digest: string
  /** As `sha256-….sig`; empty: it refers by its own subject. */
  readonly tag: string
  readonly mediaType: string
  readonly carries: readonly Carried[]
  /** About to be pushed by an earlier scan, which did not finish. */
  readonly intended: boolean
}

export interface FoundLate extends Late {
  readonly verdict: LateVerdict
}

interface Row {
  readonly id: string | null
  readonly subject: string
  readonly digest: string
  readonly tag: string
  readonly kind: 'manifest' | 'index'
  readonly mediaType: string
  readonly bytes: Uint8Array
  readonly sender: string | null
}

/** Of one scan; the next one goes on. */
const BATCH = 100

/** What the promotion brought, and what followed it: whatever refers to one of them speaks about its image. */
export const SUBJECTS = `
  subject as (
    select c.digest from admission a join promotion p on p.id = a.promotion_id
      join closure_member c on c.request_id = p.request_id and c.position = a.position and c.kind = 'manifest'
    where a.id = $1
    union select l.digest from late_referrer l where l.admission_id = $1 and l.state = 'admitted')`

const CANDIDATES = `
  with ${SUBJECTS}, candidate as (
    select s.digest as subject, m.digest, '' as tag, m.kind, m.bytes, rm.media_type, rm.pushed_by, rm.pushed_at
    from subject s join manifest m on m.subject_digest = s.digest
      join repository_manifest rm on rm.repository_id = $2 and rm.digest = m.digest
    where not exists (select from repository_manifest t where t.repository_id = $3 and t.digest = m.digest)
    union all
    select s.digest, m.digest, t.name, m.kind, m.bytes, rm.media_type, rm.pushed_by, rm.pushed_at
    from subject s cross join unnest(array['.sig', '.att', '.sbom']) e (suffix)
      join current_tag t on t.repository_id = $2 and t.name = signature_tag(s.digest) || e.suffix
      join repository_manifest rm on rm.repository_id = $2 and rm.digest = t.digest join manifest m on m.digest = rm.digest
    where not exists (select from tag x where x.repository_id = $3 and x.name = t.name and x.digest = t.digest))
  select l.id, c.subject, c.digest, c.tag, c.kind, c.media_type as "mediaType", c.bytes, sender_of(c.pushed_by) as sender
  from candidate c left join late_referrer l
    on l.admission_id = $1 and l.subject = c.subject and l.digest = c.digest and l.tag = c.tag
  where l.id is null or l.state = 'waiting'
  order by l.id is not null, c.pushed_at, c.digest, c.tag limit ${BATCH + 1}`

/** What there is to decide, decided; `more`: another scan goes on. `problem`: nothing more is taken. */
export async function findLate(
  { prisma, pool }: { readonly prisma: Transaction; readonly pool: pg.Pool },
  { admissionId, source, target, policy }: LateScan,
  readBytes: LayerReader,
): Promise<{
  readonly found: readonly FoundLate[]
  readonly more: boolean
  readonly problem: string | null
}> {
  const { rows: known } = await pool.query<{ count: number }>(
    'select count(*)::int as count from late_referrer where admission_id = $1',
    [admissionId],
  )
  const { rows } = await pool.query<Row>(CANDIDATES, [admissionId, source.repositoryId, target.repositoryId])
  const full = (known[0]?.count ?? 0) >= REFERRERS_LIMIT
  const due = rows.slice(0, BATCH).filter(({ id }) => id !== null || !full)
  const found: FoundLate[] = []
  for (const row of due) {
    const layers = await readLayers(prisma, row, source.repositoryId, policy, readBytes)
    found.push({
      id: row.id ?? newId(),
      subject: row.subject,
      digest: row.digest,
      tag: row.tag,
      mediaType: row.mediaType,
      intended: false,
      carries: layers.flatMap((one) => {
        if ('unread' in one) return []
        const { type, predicateType, from } = one.evidence
        return [{ layer: one.layer, type, predicateType, from }]
      }),
      verdict: decideLate(policy, layers),
    })
  }
  const problem = full && rows.some(({ id }) => id === null) ? TOO_MANY : null
  return { found, more: rows.length > BATCH && !full, problem }
}

const TOO_MANY = `more than ${REFERRERS_LIMIT} artifacts came after the promotion; no more of them are taken`

async function readLayers(
  tx: Transaction,
  { subject, tag, kind, bytes, mediaType, sender }: Row,
  repositoryId: string,
  policy: LateScan['policy'],
  readBytes: LayerReader,
): Promise<LateLayer[]> {
  if (kind !== 'manifest') {
    const unread = 'it is an index; what follows an image is a manifest whose layers are evidence'
    return [{ layer: '', unread, passing: false }]
  }
  const { layers, others } = evidenceLayers(bytes, mediaType)
  const [other] = others
  if (other !== undefined) {
    return [
      { layer: '', unread: `it has a layer of the type ${other}, which carries no evidence`, passing: false },
    ]
  }
  const read: LateLayer[] = []
  for (const layer of layers)
    read.push(
      await readOne(tx, { subject, refers: tag === '', layer }, repositoryId, sender, policy, readBytes),
    )
  return read
}

async function readOne(
  tx: Transaction,
  what: { readonly subject: string; readonly refers: boolean; readonly layer: Layer },
  repositoryId: string,
  sender: string | null,
  policy: LateScan['policy'],
  readBytes: LayerReader,
): Promise<LateLayer> {
  const { digest: layer } = what.layer
  const outcome = await readCarried(repositoryId, what, readBytes)
  if ('reason' in outcome) return { layer, unread: outcome.reason, passing: outcome.passing }
  const signers = await signersOfOne(tx, outcome, policy)
  const from = [...signers, ...(sender === null ? [] : [sender])]
  const { type, predicateType, summary } = outcome
  return { layer, evidence: { type, predicateType, summary, from } }
}

async function signersOfOne(
  tx: Transaction,
  { format, sha256, bytes }: CarriedEvidence,
  policy: LateScan['policy'],
): Promise<readonly string[]> {
  if (!SIGNED_FORMATS.includes(format)) return []
  const id = 'one'
  return (await signersOf(tx, [{ id, sha256, format, bytes }], policy)).get(id)?.from ?? []
}
