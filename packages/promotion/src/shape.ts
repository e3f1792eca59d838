import { z } from 'zod'
import { type Issue, invalid, shown } from './errors.ts'

/**
 * Reads a value by a zod schema of strict objects. An unknown key is refused with the nearest name
 * that is known there.
 * @param at the field of the input that `value` is, where it is not the whole
 * @throws PromotionError invalid, with one issue a field
 */
export function readShape<T extends z.ZodType>(schema: T, value: unknown, at?: string): z.output<T> {
  const read = schema.safeParse(value)
  if (read.success) return read.data
  const within = at === undefined ? [] : [at]
  throw invalid(...read.error.issues.flatMap((issue) => issuesOf(schema, issue, within)))
}

function issuesOf(schema: z.ZodType, issue: z.core.$ZodIssue, within: readonly string[]): Issue[] {
  if (issue.code !== 'unrecognized_keys') {
    return [{ field: pathOf([...within, ...issue.path]), rule: issue.code, message: issue.message }]
  }
  const names = namesAt(schema, issue.path)
  return issue.keys.map((key) => ({
    field: pathOf([...within, ...issue.path, key.slice(0, 80)]),
    rule: 'unknown_key',
    message: `${shown(key)} is not known here; ${nearestName(key, names)}known are ${names.join(', ')}`,
  }))
}

function pathOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : `${text}${text === '' ? '' : '.'}${String(part)}`,
    '',
  )
}

/** The keys of the object at this place of the schema. */
function namesAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at: unknown = schema
  for (const part of [...path, null]) {
    while (at instanceof z.ZodOptional || at instanceof z.ZodDefault || at instanceof z.ZodPrefault) {
      at = at.unwrap()
    }
    if (part === null) break
    if (at instanceof z.ZodArray) at = at.element
    else if (at instanceof z.ZodRecord) at = at.valueType
    else if (at instanceof z.ZodObject) at = (at.shape as Record<PropertyKey, unknown>)[part]
  }
  return at instanceof z.ZodObject ? Object.keys(at.shape) : []
}

/** `did you mean …? ` for a name that is close to a known one; '' when none is. */
export function nearestName(key: string, names: readonly string[]): string {
  const asked = key.slice(0, 40).toLowerCase()
  const [best] = names
    .map((name) => ({ name, distance: editDistance(asked, name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)
  return best !== undefined && best.distance <= Math.max(2, asked.length / 3)
    ? `did you mean "${best.name}"? `
    : ''
}

/** Levenshtein's: how many characters must be added, dropped or changed. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const changed = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
