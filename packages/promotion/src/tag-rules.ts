import { z } from 'zod'
import { readShape } from './shape.ts'

/** Patterns over tags: `release` is every `X.Y.Z[-pre]`, anything else a glob in which `*` is any run of characters. */
export const tagPatterns = z
  .array(
    z
      .string()
      .regex(
        /^[A-Za-z0-9_.*-]{1,128}$/,
        'must be "release" or a glob of A-Z a-z 0-9 _ . - and * (1 to 128 characters)',
      ),
  )
  .max(50)

const tagRules = z.strictObject({
  /** Tags that, once set, never point at another digest. */
  immutable: tagPatterns.optional(),
})

/** The `tagRules` of a feed. */
export type TagRules = { readonly immutable?: readonly string[] }

/** The rules that the feed `trusted` is seeded with: release tags are permanent identifiers. */
export const TRUSTED_TAG_RULES: TagRules = { immutable: ['release'] }

/**
 * Reads the `tagRules` of a feed; `{}` has none.
 * @throws PromotionError invalid, with one issue a field
 */
export function parseTagRules(value: unknown): TagRules {
  const { immutable } = readShape(tagRules, value)
  return immutable === undefined ? {} : { immutable }
}

/** The pattern that makes this tag immutable; null when it may move. */
export function immutableBy(rules: TagRules, tag: string): string | null {
  return rules.immutable?.find((pattern) => matchesTag(pattern, tag)) ?? null
}

/** Does the tag match `release` or the glob? Linear in the tag for a pattern of bounded length; never backtracks. */
export function matchesTag(pattern: string, tag: string): boolean {
  if (pattern === 'release') return isReleaseTag(tag)
  const parts = pattern.split('*')
  const first = parts[0] ?? ''
  if (parts.length === 1) return tag === first
  const last = parts[parts.length - 1] ?? ''
  if (!tag.startsWith(first)) return false
  let at = first.length
  // The leftmost place of each middle part leaves the most room for the next one.
  for (const part of parts.slice(1, -1)) {
    const found = tag.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return tag.length - last.length >= at && tag.endsWith(last)
}

/** `X.Y.Z` or `X.Y.Z-pre`: the tags that name a release for ever. */
export function isReleaseTag(tag: string): boolean {
  return /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/.test(tag)
}
