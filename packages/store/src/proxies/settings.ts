import { StoreError } from '../errors.ts'
import type { Transaction } from '../transaction.ts'

/** What a proxy feed keeps; what is left out stays, or has its default. */
export interface CacheChange {
  /** Days, 30 unless given. */
  readonly keepDays?: number | undefined
}

const KEEP_DAYS = 30
const MOST_DAYS = 36_500

/** Of a feed whose registry is set. Answers what an entry says of it. @throws StoreError invalid */
export async function insertCache(
  tx: Transaction,
  feedId: string,
  { keepDays = KEEP_DAYS }: CacheChange,
): Promise<{ keepDays: number }> {
  check(keepDays)
  await tx.$executeRaw`
    insert into feed_cache (feed_id, keep_days, upstream) values (${feedId}::uuid, ${keepDays}, remote_address(${feedId}::uuid))`
  return { keepDays }
}

/** @throws StoreError invalid */
export async function changeCache(tx: Transaction, feedId: string, { keepDays }: CacheChange): Promise<void> {
  if (keepDays === undefined) return
  check(keepDays)
  await tx.feedCache.update({ where: { feedId }, data: { keepDays } })
}

function check(keepDays: number): void {
  if (Number.isInteger(keepDays) && keepDays >= 1 && keepDays <= MOST_DAYS) return
  throw new StoreError('invalid', `is a whole number of days, 1 to ${MOST_DAYS}`, { field: 'cache.keepDays' })
}

/**
 * After a change of where the upstream is: what tags named at another place says nothing about this one, and must not
 * be served in its stead. Manifests and blobs are what their digests say, and stay.
 */
export async function forgetMovedUpstream(tx: Transaction, feedId: string): Promise<void> {
  await tx.$executeRaw`
    with moved as (
      select feed_id from feed_cache where feed_id = ${feedId}::uuid and upstream <> remote_address(feed_id)
    ), gone as (
      delete from tag t using repository r, moved where r.id = t.repository_id and r.feed_id = moved.feed_id
      returning t.repository_id, t.name, t.digest
    )
    insert into tag_move (repository_id, tag, from_digest, observed)
      select repository_id, name, digest, true from gone order by repository_id, name`
  await tx.$executeRaw`
    update feed_cache set upstream = remote_address(feed_id), reached_at = null, failing_since = null, failure = null
    where feed_id = ${feedId}::uuid and upstream <> remote_address(feed_id)`
}
