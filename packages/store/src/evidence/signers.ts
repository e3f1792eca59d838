import { type Policy, readEvidence } from '@sluice/promotion'
import { type PublicKey, parsePublicKey, verifySignature } from '@sluice/proof'
import type { Transaction } from '../transaction.ts'

/** Signed evidence whose keys are asked for. */
export interface SignedRow {
  readonly id: string
  readonly sha256: string
  /** Where they are at hand already. */
  readonly bytes?: Uint8Array
}

/**
 * What was found before: bytes and keys never change, so an answer stays right for ever. It is kept here and
 * not in the database, where whoever may write rows could write one in.
 */
const known = new Map<string, boolean>()
const KNOWN_LIMIT = 100_000

/** The names of the lane's keys that signed each of these; one at a time, since each may be 16 MiB. */
export async function signersOf(
  tx: Transaction,
  rows: readonly SignedRow[],
  keys: Policy['keys'] = {},
): Promise<ReadonlyMap<string, readonly string[]>> {
  const read = Object.entries(keys).map(([name, pem]) => ({ name, key: parsePublicKey(pem) }))
  const found = new Map<string, string[]>()
  for (const row of rows) {
    await learn(
      tx,
      row,
      read.map(({ key }) => key),
    )
    const names = read.filter(({ key }) => known.get(pair(row, key)) === true).map(({ name }) => name)
    found.set(row.id, names)
  }
  return found
}

async function learn(tx: Transaction, row: SignedRow, keys: readonly PublicKey[]): Promise<void> {
  const open = keys.filter((key) => !known.has(pair(row, key)))
  if (open.length === 0) return
  const bytes = row.bytes ?? (await readBytes(tx, row.id))
  const { signed, subjects } = readEvidence(bytes)
  const message = signed === null ? null : (signed.message ?? (await manifestOf(tx, subjects)))
  // A manifest that is not here may come: only what was looked at is known.
  if (signed !== null && message === null) return
  for (const key of open) {
    let good = false
    for (const signature of signed?.signatures ?? []) {
      good ||= message !== null && (await verifySignature(key, message, signature))
    }
    if (known.size >= KNOWN_LIMIT) known.clear()
    known.set(pair(row, key), good)
  }
}

function pair({ sha256 }: SignedRow, { fingerprint }: PublicKey): string {
  return `${sha256} ${fingerprint}`
}

async function readBytes(tx: Transaction, id: string): Promise<Uint8Array> {
  const [row] = await tx.$queryRaw<{ bytes: Uint8Array }[]>`select bytes from evidence where id = ${id}::uuid`
  return row?.bytes ?? new Uint8Array()
}

/** What a signature of a message is over: the manifest's own bytes, whose digest it names. */
async function manifestOf(tx: Transaction, subjects: readonly string[] | null): Promise<Uint8Array | null> {
  const [row] = await tx.$queryRaw<{ bytes: Uint8Array }[]>`
    select bytes from manifest where digest = ${subjects?.[0] ?? ''}`
  return row?.bytes ?? null
}
