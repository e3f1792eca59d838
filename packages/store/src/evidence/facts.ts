import {
  type Evidence,
  type EvidenceFormat,
  type EvidenceSummary,
  type EvidenceType,
  evidenceRulesOf,
  type GateItem,
  type PlatformImage,
  type Policy,
  type TicketState,
} from '@sluice/promotion'
import type { Transaction } from '../transaction.ts'
import { type Attached, NOTHING_ATTACHED } from './attached.ts'
import { type SignedRow, signersOf } from './signers.ts'

/** What gates look at of one item besides what its request fixes. */
export type ItemFacts = Pick<GateItem, 'evidence' | 'unread' | 'incomplete' | 'reached'>

/** An image with the images of its platforms. */
export interface Imaged {
  readonly digest: string
  readonly platforms: readonly PlatformImage[]
}

/** Of one digest; the newest. Whoever sends more pushes out what is older, and gates want the newest. */
const ROWS_LIMIT = 500

export const SIGNED_FORMATS: readonly EvidenceFormat[] = ['dsse', 'bundle', 'simplesigning']

/**
 * Gathers for each item what the lane's gates ask for, and nothing for a lane without such gates.
 * @param attached what was found beside the image and is not stored yet
 */
export async function itemFacts(
  tx: Transaction,
  policy: Policy,
  items: readonly Imaged[],
  attached: Attached = NOTHING_ATTACHED,
): Promise<ItemFacts[]> {
  const digests = items.flatMap(digestsOf)
  const evidence = evidenceRulesOf(policy).length === 0 ? [] : await readFacts(tx, policy, digests, attached)
  const reached = policy.gates.predecessor === undefined ? new Map() : await feedsReached(tx, digests)
  return items.map((item) => {
    const own = digestsOf(item)
    const reasons = (told: Attached['unread']) =>
      told.filter(({ subject }) => own.includes(subject)).map(({ reason }) => reason)
    return {
      evidence: evidence.filter(({ subject }) => own.includes(subject)),
      unread: reasons(attached.unread),
      incomplete: reasons(attached.incomplete ?? []),
      reached: reached.get(item.digest) ?? [],
    }
  })
}

function digestsOf({ digest, platforms }: Imaged): string[] {
  return [...new Set([digest, ...platforms.map((image) => image.digest)])]
}

interface FactRow extends SignedRow {
  readonly subject: string
  readonly type: EvidenceType
  readonly predicateType: string | null
  readonly contentDigest: string
  readonly claimedAt: Date | null
  readonly receivedAt: Date
  readonly sender: string | null
  readonly summary: EvidenceSummary
}

async function readFacts(
  tx: Transaction,
  policy: Policy,
  digests: readonly string[],
  { found }: Attached,
): Promise<Evidence[]> {
  const stored = await tx.$queryRaw<FactRow[]>`
    select e.id, e.sha256, e.subject, e.type, e.format, e.predicate_type as "predicateType",
      e.content_digest as "contentDigest", e.claimed_at as "claimedAt", e.received_at as "receivedAt", e.summary, e.sender
    from unnest(${[...digests]}::text[]) d (digest)
      cross join lateral (select * from evidence x where x.subject = d.digest
        order by x.received_at desc, x.id desc limit ${ROWS_LIMIT}) e`
  const rows = [...stored, ...found]
  const signers = await signersOf(
    tx,
    rows.filter(({ format }) => SIGNED_FORMATS.includes(format)),
    policy,
  )
  return rows.map(
    ({ id, sender, subject, type, predicateType, contentDigest, claimedAt, receivedAt, summary }) => ({
      id,
      subject,
      type,
      predicateType,
      contentDigest,
      claimedAt,
      receivedAt,
      from: [...(signers.get(id)?.from ?? []), ...(sender === null ? [] : [sender])],
      unproven: signers.get(id)?.unproven ?? [],
      summary,
    }),
  )
}

/** By digest: every name of every feed that let it in. */
async function feedsReached(
  tx: Transaction,
  digests: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const rows = await tx.$queryRaw<{ digest: string; feeds: string[] }[]>`
    select a.digest, array_agg(distinct n.name order by n.name) as feeds
    from admission a join feed_name n on n.feed_id = a.feed_id
    where a.digest = any (${[...digests]}::text[]) group by a.digest`
  return new Map(rows.map(({ digest, feeds }) => [digest, feeds]))
}

/** What was said of the tickets of a request, in the order it came. */
export async function ticketStates(
  tx: Transaction,
  policy: Policy,
  requestId: string,
): Promise<TicketState[]> {
  if (policy.gates.ticket === undefined) return []
  return tx.$queryRaw<TicketState[]>`
    select ticket, state, at, key_name as key from ticket_state
    where request_id = ${requestId}::uuid order by received_at, id`
}
