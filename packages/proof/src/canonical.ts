import { ProofError } from './errors.ts'

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject

export interface JsonObject {
  readonly [key: string]: JsonValue
}

const MAX_DEPTH = 64

/**
 * The canonical bytes of a JSON value (RFC 8785): keys sorted by UTF-16 code units, numbers as
 * ECMAScript writes them, no white space, UTF-8. Equal values give equal bytes everywhere.
 * @throws ProofError NOT_JSON: undefined, a function, NaN, a Date or other class, a lone surrogate …;
 *   TOO_DEEP: more than 64 levels (a cycle too)
 */
export function canonicalJson(value: JsonValue): Uint8Array {
  return new TextEncoder().encode(write(value, '$', 0))
}

function write(value: unknown, where: string, depth: number): string {
  if (depth > MAX_DEPTH) throw new ProofError('TOO_DEEP', `the value nests deeper than ${MAX_DEPTH} levels`)
  if (value === null || value === true || value === false) return String(value)
  if (typeof value === 'string') return writeString(value, where)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw notJson(where, `the number ${value}`)
    return JSON.stringify(value)
  }
  if (Array.isArray(value)) {
    // Array.from visits the holes of a sparse array too, so that they are refused.
    return `[${Array.from(value, (item, i) => write(item, `${where}[${i}]`, depth + 1)).join(',')}]`
  }
  if (isObject(value)) return writeObject(value, where, depth)
  throw notJson(where, `a value of type ${typeof value}`)
}

/** An object of some kind, neither null nor a list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function writeObject(object: Record<string, unknown>, where: string, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(object)
  if (prototype !== Object.prototype && prototype !== null) {
    throw notJson(where, 'an instance of a class; write it out as plain values')
  }
  const members = Object.keys(object)
    .sort() // by UTF-16 code units, as section 3.2.3 asks
    .map((key) => `${writeString(key, where)}:${write(object[key], `${where}.${key}`, depth + 1)}`)
  return `{${members.join(',')}}`
}

function writeString(text: string, where: string): string {
  if (/[\ud800-\udfff]/u.test(text)) throw notJson(where, 'a string with half of a surrogate pair')
  return JSON.stringify(text)
}

function notJson(where: string, found: string): ProofError {
  return new ProofError('NOT_JSON', `${where} is ${found}, which JSON cannot carry`)
}
