import { FeedError, type RepositoryAddress } from '@sluice/feed'
import type pg from 'pg'

interface Tombstone {
  readonly purge: string
  readonly reason: string
  readonly at: Date
}

const told = (digest: string, { purge, reason, at }: Tombstone) => ({
  digest,
  purge,
  reason,
  at: at.toISOString(),
})

/** What became of a manifest that was once in this repository, as an error; null when it was not purged. */
export async function goneFrom(
  pool: pg.Pool,
  { feed, repository }: RepositoryAddress,
  digest: string,
): Promise<FeedError | null> {
  const { rows } = await pool.query<Tombstone>({
    name: 'tombstone_here',
    text: `select p.id as purge, p.reason, p.confirmed_at as at from tombstone t join purge p on p.id = t.purge_id
           where t.digest = $1 and exists (
             select from repository r where r.feed_id = $2 and r.name = $3 and r.id = any (t.repository_ids))`,
    values: [digest, feed.id, repository],
  })
  if (rows[0] === undefined) return null
  const message = `${digest} was purged: ${rows[0].reason}`
  return new FeedError('MANIFEST_UNKNOWN', message, { detail: told(digest, rows[0]) })
}

/** The refusal of a manifest that was purged, wherever it is pushed: who has its bytes may know; null when it was not. */
export async function refusedAsPurged(pool: pg.Pool, digest: string): Promise<FeedError | null> {
  const { rows } = await pool.query<Tombstone>({
    name: 'tombstone_any',
    text: `select p.id as purge, p.reason, p.confirmed_at as at from tombstone t join purge p on p.id = t.purge_id
           where t.digest = $1`,
    values: [digest],
  })
  if (rows[0] === undefined) return null
  const message = `${digest} was purged and is not taken again: ${rows[0].reason}`
  return new FeedError('DENIED', message, { detail: told(digest, rows[0]) })
}
