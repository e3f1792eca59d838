import { randomBytes } from 'node:crypto'
import { type JsonObject, sealEntry } from '@sluice/proof'
import type pg from 'pg'
import { newId } from '../id.ts'
import type { Transaction } from '../transaction.ts'

export interface NewEntry {
  /** As `request.created`. */
  readonly type: string
  /** `person:<id>`, `robot:<id>` or `system`. */
  readonly actor: string
  /** As `request:<id>`, `digest:sha256:…`, `feed:<id>`. */
  readonly subjects: readonly string[]
  readonly payload: JsonObject
  readonly at?: Date
}

/** What a worker or the first start does, and no person. */
export const SYSTEM = 'system'

/**
 * Appends an entry inside the transaction of the change it tells of: without the entry, no change.
 * Answers its id. @throws ProofError
 */
export async function appendEntry(tx: Transaction, entry: NewEntry): Promise<string> {
  const { id, at, sealed } = seal(entry)
  await tx.$executeRaw`insert into audit_entry (id, bytes, leaf, type, at, actor, subjects)
    values (${id}::uuid, ${sealed.bytes}, ${sealed.leaf}, ${entry.type}, ${at}, ${entry.actor}, ${[...entry.subjects]})`
  await tx.$executeRaw`insert into audit_payload (entry_id, salt, payload)
    values (${id}::uuid, ${sealed.salt}, ${sealed.payload})`
  return id
}

/** The same over `pg`. */
export async function appendEntrySql(client: pg.PoolClient, entry: NewEntry): Promise<string> {
  const { id, at, sealed } = seal(entry)
  await client.query(
    'insert into audit_entry (id, bytes, leaf, type, at, actor, subjects) values ($1, $2, $3, $4, $5, $6, $7)',
    [id, bytea(sealed.bytes), bytea(sealed.leaf), entry.type, at, entry.actor, entry.subjects],
  )
  await client.query('insert into audit_payload (entry_id, salt, payload) values ($1, $2, $3)', [
    id,
    bytea(sealed.salt),
    bytea(sealed.payload),
  ])
  return id
}

/** `pg` writes a plain Uint8Array as text. */
function bytea(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function seal(entry: NewEntry) {
  const at = entry.at ?? new Date()
  return { id: newId(at.getTime()), at, sealed: sealEntry({ ...entry, at, salt: randomBytes(32) }) }
}
