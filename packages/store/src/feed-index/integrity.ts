import type { StoredBlob } from '@sluice/feed'
import type pg from 'pg'
import { appendEntrySql, SYSTEM } from '../audit/entry.ts'
import { StoreError } from '../errors.ts'
import { sqlTransaction } from '../transaction.ts'

/** What was wrong with the bytes: in the entry, for those who look for the cause. */
export type Damage = 'not readable' | 'missing' | 'wrong digest'

/**
 * Hides a blob whose stored bytes are damaged, with the entry `blob.quarantined`; false when the blob is
 * gone, was healed, or is hidden already. The next push of its digest heals it.
 */
export function quarantineBlob(
  pool: pg.Pool,
  { digest, storageKey }: Pick<StoredBlob, 'digest' | 'storageKey'>,
  damage: Damage,
): Promise<boolean> {
  return sqlTransaction(pool, async (client) => {
    const { rowCount } = await client.query(
      'update blob set quarantined_at = now() where digest = $1 and storage_key = $2 and quarantined_at is null',
      [digest, storageKey],
    )
    if (rowCount === 0) return false
    await appendEntrySql(client, {
      type: 'blob.quarantined',
      actor: SYSTEM,
      subjects: [`digest:${digest}`],
      payload: { digest, storageKey, damage },
    })
    return true
  })
}

/**
 * Puts the bytes of a finished upload in the place of quarantined ones, with the entry `blob.healed`;
 * answers the old storage key, which the collector removes as well.
 */
export async function healBlob(
  client: pg.PoolClient,
  { digest, size, storageKey }: StoredBlob,
  principalId: string | null,
): Promise<string> {
  const { rows } = await client.query<{ old: string | null; kind: string | null }>(
    'select heal_blob($1, $2, $3) as old, (select kind from principal where id = $4) as kind',
    [digest, size, storageKey, principalId],
  )
  const healed = rows[0]
  if (!healed?.old) {
    throw new StoreError('blob_fixed', `the blob ${digest} is stored with another size than ${size} bytes`)
  }
  await appendEntrySql(client, {
    type: 'blob.healed',
    actor: principalId === null ? SYSTEM : `${healed.kind}:${principalId}`,
    subjects: [`digest:${digest}`],
    payload: { digest, storageKey },
  })
  return healed.old
}
