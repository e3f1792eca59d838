import type { BlobStorage } from '@sluice/feed'
import type pg from 'pg'
import type { Batch } from './index.ts'
import { OWNER_KEY } from './owner.ts'
import { removeObjects } from './removals.ts'

const KEYS = 500

/**
 * Removes objects that no row knows and that nobody wrote to within grace: what a crash left between a
 * storage and a database. An upload's object has its row before its first byte. One that a promotion brings from
 * elsewhere has it only when it is whole (`receive_blob`): until then grace alone keeps it, because it is written to
 * all the while, or given up long before. A key is never used twice, so what is unknown after grace stays so. A
 * storage that was claimed only now is left alone until grace is over.
 */
export async function removeOrphans(
  pool: pg.Pool,
  storage: BlobStorage,
  owned: { readonly since: Date },
  { graceMs, signal }: Batch,
): Promise<number> {
  const before = Date.now() - graceMs
  if (owned.since.getTime() >= before) return 0
  let removed = 0
  let keys: string[] = []
  const flush = async () => {
    const unknown = await unknownOf(pool, keys)
    keys = []
    await removeObjects(storage, unknown)
    removed += unknown.length
  }
  for await (const { key, changedAt } of storage.list()) {
    if (signal.aborted) break
    if (key !== OWNER_KEY && changedAt.getTime() < before) keys.push(key)
    if (keys.length === KEYS) await flush()
  }
  await flush()
  return removed
}

async function unknownOf(pool: pg.Pool, keys: readonly string[]): Promise<string[]> {
  if (keys.length === 0) return []
  const { rows } = await pool.query<{ key: string }>(
    `select k.key from unnest($1::text[]) k (key)
     where not exists (select from blob b where b.storage_key = k.key)
       and not exists (select from upload u where u.storage_key = k.key)`,
    [keys],
  )
  return rows.map(({ key }) => key)
}
