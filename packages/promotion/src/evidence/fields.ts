import { invalid } from '../errors.ts'

export type Fields = { readonly [key: string]: unknown }

/** A foreign document's object; of anything else, an empty one. */
export function record(value: unknown): Fields {
  return isFields(value) ? value : {}
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A list of at most `limit`. @throws PromotionError invalid */
export function list(value: unknown, name: string, limit: number): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw unreadable(`${name} is no list`)
  if (value.length > limit) throw unreadable(`${name} has ${value.length} parts; at most ${limit} are read`)
  return value
}

/** Text that a database and a terminal can hold, cut; null when there is none. */
export function text(value: unknown, limit = 256): string | null {
  if (typeof value !== 'string') return null
  const clean = value.slice(0, limit).replace(/[\p{Cc}\p{Cs}\u2028\u2029]/gu, ' ')
  const trimmed = clean.trim()
  return trimmed === '' ? null : trimmed
}

/** @throws PromotionError invalid when it is not there */
export function needed(value: unknown, name: string, limit = 256): string {
  const read = text(value, limit)
  if (read === null) throw unreadable(`${name} is missing`)
  return read
}

/** A time as documents write it, RFC 3339 with a zone; null: none, or none that can be read. */
export function time(value: unknown): Date | null {
  if (typeof value !== 'string') return null
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,12})?)?(?:Z|[+-]\d\d:\d\d)$/.test(value)) return null
  const date = new Date(value)
  return Number.isNaN(date.getTime()) ? null : date
}

const DIGEST = /(?:(sha256)(?::|%3a)([0-9a-f]{64})|(sha512)(?::|%3a)([0-9a-f]{128}))(?![0-9a-f])/gi

/** Every `sha256:` and `sha512:` digest inside these texts, as purls and references have them. */
export function digestsIn(...values: readonly unknown[]): string[] {
  return values.flatMap((value) =>
    typeof value === 'string'
      ? [...value.slice(0, 4096).matchAll(DIGEST)].map(([, short, hex, long, longHex]) =>
          `${short ?? long}:${hex ?? longHex}`.toLowerCase(),
        )
      : [],
  )
}

/** The error of evidence that cannot be read. */
export function unreadable(reason: string, field = 'content') {
  return invalid({ field, rule: 'evidence', message: `the evidence cannot be read: ${reason}` })
}
