import type { FieldError } from '@sluice/contract'
import { fieldErrors } from './problem.ts'

/** NUL, which Postgres keeps in no text, and half of a surrogate pair, which is no UTF-8 (RFC 8785, 3.2.2.2). */
const UNSTORABLE = /\0|\p{Surrogate}/u

type Place = { readonly value: unknown; readonly key: string | number; readonly within: Place | null }

/** The fields of a JSON value, however deep, whose name or text can be kept nowhere. At most ten. */
export function unstorable(json: unknown): FieldError[] {
  const found: Place[] = []
  const left: Place[] = [{ value: json, key: '', within: null }]
  for (let at = left.pop(); at !== undefined && found.length < 10; at = left.pop()) {
    const { value, key } = at
    if (UNSTORABLE.test(String(key)) || (typeof value === 'string' && UNSTORABLE.test(value))) found.push(at)
    if (typeof value !== 'object' || value === null) continue
    if (Array.isArray(value))
      for (const [i, one] of value.entries()) left.push({ value: one, key: i, within: at })
    else for (const [name, one] of Object.entries(value)) left.push({ value: one, key: name, within: at })
  }
  const message = 'holds a NUL or half of a surrogate pair, which no text may'
  return found.flatMap((at) =>
    fieldErrors([{ code: 'custom', params: { rule: 'text' }, path: pathOf(at), message }]),
  )
}

function pathOf(place: Place): (string | number)[] {
  const path: (string | number)[] = []
  for (let at = place; at.within !== null && path.length < 20; at = at.within) {
    path.unshift(
      typeof at.key === 'string' ? at.key.replace(/\0|\p{Surrogate}/gu, '\uFFFD').slice(0, 80) : at.key,
    )
  }
  return path
}
