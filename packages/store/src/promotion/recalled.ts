import type { StandingRecall } from '@sluice/promotion'
import type { Transaction } from '../transaction.ts'

/** The recall that keeps an image from being pulled. */
export interface StandingRecallView {
  readonly id: string
  /** Where it was made: this feed, or one before it. */
  readonly feed: string
  /** What was recalled: the image itself, or one that it contains. */
  readonly digest: string
  readonly reason: string
  readonly at: string
}

/** What stands in a feed against these images (`recall_of` in prisma/migrations). */
export async function standingRecalls(
  tx: Transaction,
  feedId: string,
  items: readonly { readonly source: string; readonly digest: string }[],
): Promise<StandingRecall[]> {
  const sources = items.map(({ source }) => source)
  const digests = items.map(({ digest }) => digest)
  return tx.$queryRaw<StandingRecall[]>`
    select w.source, r.digest, coalesce(n.name, r.feed_id::text) as feed, r.reason
    from unnest(${sources}::text[], ${digests}::text[]) with ordinality w (source, digest, position)
      join recall r on r.id = recall_of(${feedId}::uuid, w.digest)
      left join feed_name n on n.feed_id = r.feed_id and n.is_current
    order by w.position`
}

/** Recalls by their ids, as refusals tell of them. */
export async function readStanding(
  tx: Transaction,
  ids: readonly string[],
): Promise<ReadonlyMap<string, StandingRecallView>> {
  const rows = await tx.$queryRaw<(Omit<StandingRecallView, 'at'> & { at: Date })[]>`
    select r.id, coalesce(n.name, r.feed_id::text) as feed, r.digest, r.reason, r.at
    from recall r left join feed_name n on n.feed_id = r.feed_id and n.is_current where r.id = any (${[...ids]}::uuid[])`
  return new Map(rows.map((row) => [row.id, { ...row, at: row.at.toISOString() }]))
}
