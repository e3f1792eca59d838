import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, concatBytes } from '@noble/hashes/utils.js'
import { canonicalJson, isObject, type JsonObject, type JsonValue } from './canonical.ts'
import { ProofError } from './errors.ts'

/** Bytes. An entry travels behind a 16-bit length (C2SP tlog-tiles), so large payloads stay outside. */
export const ENTRY_LIMIT = 65_535
/** Bytes. */
export const SALT_MIN = 16
export const SALT_MAX = 32

/** What is logged for ever. The payload is only its salted hash, so it can be erased beside the log. */
export interface AuditEntry {
  v: 1
  type: string
  /** RFC 3339, UTC, milliseconds. */
  at: string
  actor: string
  subjects: string[]
  /** Lower-case hex SHA-256 of salt ‖ payload bytes. */
  payload: string
}

export interface NewEntry {
  /** 1 to 128 printable ASCII characters without space, as `request.created`. */
  type: string
  at: Date
  /** An id: 1 to 512 printable ASCII characters without space. */
  actor: string
  /** Ids, in this order; one that is repeated is kept once. */
  subjects: readonly string[]
  payload: JsonObject
  /** 16 to 32 random bytes, fresh for every entry. */
  salt: Uint8Array
}

export interface SealedEntry {
  /** The canonical entry: what the log carries. */
  bytes: Uint8Array
  leaf: Uint8Array
  /** The canonical payload, to be kept beside the log with `salt`. */
  payload: Uint8Array
  salt: Uint8Array
}

const TYPE_LIMIT = 128
const ID_LIMIT = 512
const FIELDS = ['actor', 'at', 'payload', 'subjects', 'type', 'v']

/**
 * Writes an audit entry in its final form: RFC 8785 over `{v:1,type,at,actor,subjects,payload}`.
 * @throws ProofError ENTRY_INVALID, ENTRY_TOO_LARGE, SALT_INVALID; NOT_JSON or TOO_DEEP for the payload
 */
export function sealEntry(entry: NewEntry): SealedEntry {
  const { salt } = entry
  if (!saltFits(salt)) {
    throw new ProofError(
      'SALT_INVALID',
      `the salt has ${salt.length} bytes; ${SALT_MIN} to ${SALT_MAX} are needed`,
    )
  }
  const payload = canonicalJson(entry.payload)
  if (payload[0] !== OPENING_BRACE) throw new ProofError('ENTRY_INVALID', 'the payload must be a JSON object')
  const written = {
    v: 1,
    type: entry.type,
    at: timestamp(entry.at),
    actor: entry.actor,
    subjects: [...new Set(entry.subjects)],
    payload: payloadHash(salt, payload),
  } as const
  checkFields(written)
  const bytes = canonicalJson(written)
  checkLimit(bytes)
  return { bytes, leaf: leafHash(bytes), payload, salt }
}

/**
 * Reads an entry and checks its form down to the byte: what `sealEntry` cannot have written is refused.
 * @throws ProofError ENTRY_INVALID, ENTRY_TOO_LARGE
 */
export function openEntry(bytes: Uint8Array): AuditEntry {
  checkLimit(bytes)
  const value = readCanonical(bytes)
  if (!isObject(value) || Object.keys(value).join() !== FIELDS.join()) {
    throw new ProofError('ENTRY_INVALID', `the entry must be an object of exactly ${FIELDS.join(', ')}`)
  }
  return checkFields(value)
}

/** Are these the canonical bytes of an object that, with this salt, give the hash the entry carries? */
export function checkPayload(entry: AuditEntry, salt: Uint8Array, payload: Uint8Array): boolean {
  if (!saltFits(salt) || payloadHash(salt, payload) !== entry.payload) return false
  try {
    readCanonical(payload)
  } catch {
    return false
  }
  return payload[0] === OPENING_BRACE
}

/** SHA-256(0x00 ‖ entry bytes), the Merkle leaf. RFC 6962, section 2.1. */
export function leafHash(bytes: Uint8Array): Uint8Array {
  return sha256(concatBytes(Uint8Array.of(0), bytes))
}

function payloadHash(salt: Uint8Array, payload: Uint8Array): string {
  return bytesToHex(sha256(concatBytes(salt, payload)))
}

function saltFits(salt: Uint8Array): boolean {
  return salt.length >= SALT_MIN && salt.length <= SALT_MAX
}

// Salt and payload are hashed without a border between them. Of `12` or `"\"a"` a shorter payload
// under a longer salt would open the same hash; no object text is the end of a longer object text,
// so for objects the border is where it is.
const OPENING_BRACE = 0x7b

/** Parses bytes that must already be in canonical form. */
function readCanonical(bytes: Uint8Array): unknown {
  let value: JsonValue
  let canonical: Uint8Array
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
    canonical = canonicalJson(value)
  } catch (cause) {
    throw new ProofError('ENTRY_INVALID', 'the bytes are not JSON in UTF-8', { cause })
  }
  if (!sameBytes(bytes, canonical)) {
    throw new ProofError('ENTRY_INVALID', 'the bytes are not in canonical form (RFC 8785)')
  }
  return value
}

function timestamp(at: Date): string {
  if (Number.isNaN(at.getTime())) throw new ProofError('ENTRY_INVALID', 'the time of the entry is not a date')
  return at.toISOString()
}

function checkFields(entry: Record<string, unknown>): AuditEntry {
  const { v, type, at, actor, subjects, payload } = entry
  if (v !== 1) throw invalid('v', 'the number 1')
  if (!isId(type, TYPE_LIMIT))
    throw invalid('type', `1 to ${TYPE_LIMIT} printable ASCII characters without space`)
  if (!isTimestamp(at)) throw invalid('at', 'an RFC 3339 time in UTC with milliseconds')
  const id = `an id of 1 to ${ID_LIMIT} printable ASCII characters without space`
  if (!isId(actor, ID_LIMIT)) throw invalid('actor', id)
  if (!Array.isArray(subjects)) throw invalid('subjects', 'a list of ids')
  subjects.forEach((subject, i) => {
    if (!isId(subject, ID_LIMIT)) throw invalid(`subjects[${i}]`, id)
  })
  if (new Set(subjects).size !== subjects.length) throw invalid('subjects', 'without repetition')
  if (typeof payload !== 'string' || !/^[0-9a-f]{64}$/.test(payload))
    throw invalid('payload', 'a SHA-256 in hex')
  return { v, type, at, actor, subjects, payload }
}

function isId(value: unknown, limit: number): value is string {
  return typeof value === 'string' && value.length <= limit && /^[\x21-\x7e]+$/.test(value)
}

function isTimestamp(value: unknown): value is string {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value)) return false
  const date = new Date(value)
  return !Number.isNaN(date.getTime()) && date.toISOString() === value
}

function checkLimit(bytes: Uint8Array): void {
  if (bytes.length > ENTRY_LIMIT) {
    throw new ProofError(
      'ENTRY_TOO_LARGE',
      `the entry has ${bytes.length} bytes; at most ${ENTRY_LIMIT} fit (name fewer subjects, put details into the payload)`,
    )
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

function invalid(field: string, expected: string): ProofError {
  return new ProofError('ENTRY_INVALID', `the field ${field} of the entry must be ${expected}`)
}
