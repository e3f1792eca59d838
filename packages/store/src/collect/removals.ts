import { type BlobStorage, FeedError } from '@sluice/feed'
import type pg from 'pg'
import type { Batch } from './index.ts'

const KEYS = 100
const AT_ONCE = 8

/**
 * Removes from the storage what was queued when its row went; answers how many objects. A key leaves the
 * queue after its object, so that a crash in between only repeats the removal.
 */
export async function removeQueued(pool: pg.Pool, storage: BlobStorage, batch: Batch): Promise<number> {
  let removed = 0
  while (!batch.signal.aborted) {
    const { rows } = await pool.query<{ key: string }>(
      `select q.storage_key as key from storage_removal q
       where not exists (select from blob b where b.storage_key = q.storage_key)
         and not exists (select from upload u where u.storage_key = q.storage_key)
       order by q.since, q.storage_key limit ${KEYS}`,
    )
    const keys = rows.map(({ key }) => key)
    await removeObjects(storage, keys)
    await pool.query('delete from storage_removal where storage_key = any ($1)', [keys])
    removed += keys.length
    if (keys.length < KEYS) break
  }
  return removed
}

export async function removeObjects(storage: BlobStorage, keys: readonly string[]): Promise<void> {
  for (let at = 0; at < keys.length; at += AT_ONCE) {
    await Promise.all(keys.slice(at, at + AT_ONCE).map((key) => removeObject(storage, key)))
  }
}

/** Under a key that no storage takes there is nothing; it must not hold up the others for ever. */
async function removeObject(storage: BlobStorage, key: string): Promise<void> {
  try {
    await storage.remove(key)
  } catch (error) {
    if (!(error instanceof FeedError) || error.code !== 'STORAGE_KEY_INVALID') throw error
  }
}
