import { z } from 'zod'
import { readShape } from './shape.ts'
import { isReleaseTag, isVirtualTag } from './versions.ts'

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

const tagRules = z
  .strictObject({
    /** Tags are versions: releases stay, the feed itself keeps `X.Y`, `X` and `latest`, others need a permit. */
    versions: z.boolean().optional(),
    /** With `versions`: the tags that may be used beside releases. */
    permitted: tagPatterns.optional(),
    /** Tags that, once set, never point at another digest and are never removed. */
    immutable: tagPatterns.optional(),
  })
  .superRefine(({ versions, permitted = [] }, context) => {
    const refuse = (path: PropertyKey[], message: string) =>
      context.addIssue({ code: 'custom', path, message })
    if (permitted.length > 0 && versions !== true) {
      refuse(['permitted'], 'has no effect unless versions is true; any tag is permitted without it')
    }
    permitted.forEach((pattern, i) => {
      if (!isVirtualTag(pattern)) return
      refuse(['permitted', i], `${pattern} is a virtual tag; with versions the feed itself keeps it`)
    })
  })

/** The `tagRules` of a feed. */
export type TagRules = {
  readonly versions?: boolean
  readonly permitted?: readonly string[]
  readonly immutable?: readonly string[]
}

/** The rules that the feed `trusted` is seeded with: tags are versions, and releases permanent identifiers. */
export const TRUSTED_TAG_RULES: TagRules = { versions: true, immutable: ['release'] }

/**
 * Reads the `tagRules` of a feed; `{}` has none.
 * @throws PromotionError invalid, with one issue a field
 */
export function parseTagRules(value: unknown, at?: string): TagRules {
  const { versions, permitted, immutable } = readShape(tagRules, value, at)
  return {
    ...(versions !== undefined && { versions }),
    ...(permitted !== undefined && { permitted }),
    ...(immutable !== undefined && { immutable }),
  }
}

/** A rule that keeps a tag from being set, in words for whoever tries. */
export interface TagRefusal {
  readonly rule: string
  readonly message: string
}

/** Why nobody may set this tag where these rules hold; null when it may be set. A tag that is there stays. */
export function refuseTag({ versions, permitted = [] }: TagRules, tag: string): TagRefusal | null {
  if (versions !== true || isReleaseTag(tag) || isSignatureTag(tag)) return null
  const allowed = [
    'release tags (X.Y.Z or X.Y.Z-pre)',
    ...(permitted.length === 0 ? [] : [permitted.join(', ')]),
  ].join(' and ')
  if (isVirtualTag(tag)) {
    const message = `the tag ${tag} is virtual here: the feed itself keeps X, X.Y and latest on the highest release; tags may be ${allowed}`
    return { rule: 'versions: virtual', message }
  }
  if (permitted.some((pattern) => matchesTag(pattern, tag))) return null
  const message = `the tag ${tag} is neither a release nor permitted here; tags may be ${allowed}`
  return { rule: 'versions: permitted', message }
}

/** The pattern that makes this tag immutable; null when it may move. Signatures come later than what they sign. */
export function immutableBy(rules: TagRules, tag: string): string | null {
  if (isSignatureTag(tag)) return null
  return rules.immutable?.find((pattern) => matchesTag(pattern, tag)) ?? null
}

/**
 * The tags under which clients look for what refers to a digest: cosign's `.sig`, `.att` and `.sbom`, and
 * the Distribution specification's "Referrers Tag Schema".
 */
export function isSignatureTag(tag: string): boolean {
  return /^sha(?:256|512)-[0-9a-f]{64}(?:\.(?:sig|att|sbom))?$/.test(tag)
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
