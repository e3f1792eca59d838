import { type EvidenceFormat, type Policy, readEvidence } from '@sluice/promotion'
import { type PublicKey, parsePublicKey, verifySignature } from '@sluice/proof'
import type { Transaction } from '../transaction.ts'
import { type CertifiedRow, Certifiers } from './certifiers.ts'

/** Signed evidence whose keys and identities are asked for. */
export interface SignedRow {
  readonly id: string
  readonly sha256: string
  readonly format: EvidenceFormat
  /** Where they are at hand already. */
  readonly bytes?: Uint8Array
}

export interface Signers {
  /** `key:NAME` and `identity:NAME` of the lane. */
  readonly from: readonly string[]
  /** Why the certificate in it makes it nobody's. */
  readonly unproven: readonly string[]
}

/**
 * What was found before: bytes and keys never change, so an answer stays right for ever. It is kept here and
 * not in the database, where whoever may write rows could write one in.
 */
const known = new Map<string, boolean>()
const KNOWN_LIMIT = 100_000

/** Who of the lane's keys and identities signed each of these; one at a time, since each may be 16 MiB. */
export async function signersOf(
  tx: Transaction,
  rows: readonly SignedRow[],
  { keys = {}, roots = {}, identities = {} }: Pick<Policy, 'keys' | 'roots' | 'identities'>,
): Promise<ReadonlyMap<string, Signers>> {
  const read = Object.entries(keys).map(([name, pem]) => ({ name, key: parsePublicKey(pem) }))
  const certifiers = new Certifiers(roots, identities)
  const found = new Map<string, Signers>()
  for (const row of rows) {
    const open = read.flatMap(({ key }) => (known.has(pair(row, key)) ? [] : [key]))
    if (open.length > 0 || certifiers.open(row)) await learn(tx, row, open, certifiers)
    const names = read
      .filter(({ key }) => known.get(pair(row, key)) === true)
      .map(({ name }) => `key:${name}`)
    const { from, unproven } = certifiers.of(row)
    found.set(row.id, { from: [...names, ...from], unproven })
  }
  return found
}

async function learn(
  tx: Transaction,
  row: SignedRow,
  keys: readonly PublicKey[],
  certifiers: Certifiers,
): Promise<void> {
  const bytes = row.bytes ?? (await readBytes(tx, row.id))
  const { signed, subjects } = readEvidence(bytes)
  const artifact = signed === null || signed.message !== null ? null : await manifestOf(tx, subjects)
  const message = signed?.message ?? artifact
  // A manifest that is not here may come: only what was looked at is known.
  if (signed !== null && message === null) return
  for (const key of keys) {
    let good = false
    for (const signature of signed?.signatures ?? []) {
      good ||= message !== null && (await verifySignature(key, message, signature))
    }
    if (known.size >= KNOWN_LIMIT) known.clear()
    known.set(pair(row, key), good)
  }
  certifiers.learn({ ...row, bytes } satisfies CertifiedRow, artifact)
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
