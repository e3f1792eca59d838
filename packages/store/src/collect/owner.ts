import type { BlobStorage } from '@sluice/feed'
import { FeedError } from '@sluice/feed'
import type pg from 'pg'

/** The object that says which database a storage belongs to. */
export const OWNER_KEY = 'owner'
/** `<uuid> <time of the claim, ISO 8601>` */
const OWNER_BYTES = 36 + 1 + 24

/**
 * Since when this storage has belonged to this database; null when it is another's, or has none of our
 * blobs: a volume that is not mounted must not look like a storage that lost everything, nor the storage
 * of somebody else like one full of garbage. A storage without an owner is claimed.
 */
export async function ownStorage(pool: pg.Pool, storage: BlobStorage): Promise<{ since: Date } | null> {
  const client = await pool.connect()
  // A connection that is closed gives up the lock with it.
  let close = true
  try {
    // Collector and scrubber begin together: one of them claims, the other reads.
    await client.query(`select pg_advisory_lock(hashtextextended('sluice storage owner', 0))`)
    const owned = await readOrClaim(pool, storage)
    await client.query(`select pg_advisory_unlock(hashtextextended('sluice storage owner', 0))`)
    close = false
    return owned
  } finally {
    client.release(close)
  }
}

async function readOrClaim(pool: pg.Pool, storage: BlobStorage): Promise<{ since: Date } | null> {
  const { rows } = await pool.query<{ id: string }>('select id from storage_owner')
  const mine = rows[0]!.id
  const owner = await readOwner(storage)
  if (owner !== null) return owner.id === mine ? { since: owner.since } : null
  if (!(await holdsOurBlobs(pool, storage))) return null
  const since = new Date()
  await storage.append(
    OWNER_KEY,
    0,
    (async function* () {
      yield Buffer.from(`${mine} ${since.toISOString()}`)
    })(),
  )
  await storage.seal(OWNER_KEY, OWNER_BYTES)
  return { since }
}

async function readOwner(storage: BlobStorage): Promise<{ id: string; since: Date } | null> {
  try {
    let text = ''
    for await (const chunk of storage.read(OWNER_KEY, { start: 0, end: OWNER_BYTES - 1 })) {
      text += Buffer.from(chunk).toString('latin1')
    }
    return { id: text.slice(0, 36), since: new Date(text.slice(37)) }
  } catch (error) {
    if (error instanceof FeedError && error.code === 'BLOB_MISSING') return null
    throw error
  }
}

/** Any of the last few that came will do; a database without blobs can have lost none. */
async function holdsOurBlobs(pool: pg.Pool, storage: BlobStorage): Promise<boolean> {
  const { rows } = await pool.query<{ key: string }>(
    'select storage_key as key from blob where size > 0 order by stored_at desc limit 5',
  )
  for (const { key } of rows) {
    try {
      for await (const _ of storage.read(key, { start: 0, end: 0 })) return true
    } catch (error) {
      if (!(error instanceof FeedError) || error.code !== 'BLOB_MISSING') throw error
    }
  }
  return rows.length === 0
}
