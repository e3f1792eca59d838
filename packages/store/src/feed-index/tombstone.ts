import { FeedError, type RepositoryAddress } from '@sluice/feed'
import { digestOf } from '@sluice/oci'
import type pg from 'pg'
import { StoreError } from '../errors.ts'

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

/** Postgres refused it, whoever wrote it. */
export const isPurged = (error: unknown): boolean => error instanceof StoreError && error.code === 'purged'

/** Every digest that these bytes can be pushed under, as `digests_of` in Postgres. */
export const digestsOf = (bytes: Uint8Array): readonly string[] => [
  digestOf(bytes, 'sha256'),
  digestOf(bytes, 'sha512'),
]

/** Of these digests, what was purged. */
export async function purgedOf(pool: pg.Pool, digests: readonly string[]): Promise<ReadonlySet<string>> {
  if (digests.length === 0) return new Set()
  const { rows } = await pool.query<{ digest: string }>({
    name: 'tombstones_of',
    text: 'select digest from tombstone where digest = any ($1::text[])',
    values: [digests],
  })
  return new Set(rows.map(({ digest }) => digest))
}

/**
 * The refusal of what was purged, wherever it is pushed: who has its bytes may know; null when it was not.
 * @param others of the same bytes
 */
export async function refusedAsPurged(
  pool: pg.Pool,
  digest: string,
  others: readonly string[] = [],
): Promise<FeedError | null> {
  const { rows } = await pool.query<Tombstone>({
    name: 'tombstone_any',
    text: `select p.id as purge, p.reason, p.confirmed_at as at from tombstone t join purge p on p.id = t.purge_id
           where t.digest = any ($1::text[])`,
    values: [[digest, ...others]],
  })
  if (rows[0] === undefined) return null
  const message = `${digest} was purged and is not taken again: ${rows[0].reason}`
  return new FeedError('DENIED', message, { detail: told(digest, rows[0]) })
}
