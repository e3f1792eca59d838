import { z } from 'zod'
import { readShape } from './shape.ts'
import { immutableBy, isSignatureTag, matchesTag, type TagRules, tagPatterns } from './tag-rules.ts'

const DAY_MS = 24 * 60 * 60 * 1000

const repositoryPattern = z
  .string()
  .regex(/^[a-z0-9/_.*-]{1,255}$/, 'must be a repository name, in which * is any run of characters')

const rule = z
  .strictObject({
    repositories: z.array(repositoryPattern).min(1).max(50),
    /** So many tags that moved last. */
    keepLast: z.int().min(1).max(100_000).optional(),
    /** What moved or was pushed within so many days. */
    keepDays: z.int().min(1).max(36_500).optional(),
    keepTags: tagPatterns.optional(),
  })
  .refine(({ keepLast, keepDays, keepTags }) => keepLast ?? keepDays ?? keepTags, {
    message: 'a rule keeps something: give keepLast, keepDays or keepTags',
  })

const retention = z.strictObject({ rules: z.array(rule).max(50) })

/** What a feed keeps. A repository that no rule names keeps everything; what one rule keeps stays. */
export type Retention = z.output<typeof retention>

/** @throws PromotionError invalid, with one issue a field */
export function parseRetention(value: unknown, at?: string): Retention {
  return readShape(retention, value, at)
}

/** A repository of an untrusted feed, as it is now. */
export interface Holdings {
  readonly repository: string
  readonly tags: readonly { readonly name: string; readonly digest: string; readonly movedAt: Date }[]
  readonly manifests: readonly HeldManifest[]
}

export interface HeldManifest {
  readonly digest: string
  readonly pushedAt: Date
  /** Manifests that it is an index of. */
  readonly children: readonly string[]
  /** What it refers to. */
  readonly subject: string | null
  /** Promoted at some time, or asked for now. */
  readonly claimed: boolean
  /** Some site runs it. */
  readonly running: boolean
}

export interface Retired {
  readonly digest: string
  readonly tags: readonly string[]
}

export interface RetentionPlan {
  readonly gone: readonly Retired[]
  /** What would go if nothing ran: it runs, or belongs to what runs. */
  readonly kept: readonly Retired[]
}

/**
 * What the rules let go of, those first that others hang on. Kept is what a rule keeps, what is immutable
 * or claimed or runs or is younger than a day, and all that such a manifest is made of or is referred to by.
 */
export function planRetention(
  { rules }: Retention,
  tagRules: TagRules,
  { repository, tags, manifests }: Holdings,
  now: Date,
): RetentionPlan {
  const ours = rules.filter(({ repositories }) => repositories.some((name) => matchesTag(name, repository)))
  if (ours.length === 0) return { gone: [], kept: [] }
  const since = (days: number) => now.getTime() - days * DAY_MS
  const newest = tags
    .filter(({ name }) => !isSignatureTag(name))
    .sort((a, b) => b.movedAt.getTime() - a.movedAt.getTime() || (a.name < b.name ? -1 : 1))
  const keep = ours.flatMap(({ keepLast = 0, keepDays = 0, keepTags = [] }) => [
    ...newest.slice(0, keepLast),
    ...tags.filter(({ movedAt }) => keepDays > 0 && movedAt.getTime() >= since(keepDays)),
    ...tags.filter(({ name }) => keepTags.some((pattern) => matchesTag(pattern, name))),
  ])
  const fixed = tags.filter(({ name }) => immutableBy(tagRules, name) !== null)
  const days = Math.max(1, ...ours.map(({ keepDays = 0 }) => keepDays))
  const young = manifests.filter(({ claimed, pushedAt }) => claimed || pushedAt.getTime() >= since(days))
  const roots = [...keep, ...fixed, ...young].map(({ digest }) => digest)
  const running = manifests.filter((manifest) => manifest.running).map(({ digest }) => digest)
  const byRule = reachable(roots, tags, manifests)
  const stays = running.length === 0 ? byRule : reachable([...roots, ...running], tags, manifests)
  const withTags = (listed: readonly HeldManifest[]): Retired[] =>
    rootsFirst(listed).map(({ digest }) => ({
      digest,
      tags: tags.filter((tag) => tag.digest === digest).map(({ name }) => name),
    }))
  return {
    gone: withTags(manifests.filter(({ digest }) => !stays.has(digest))),
    kept: withTags(manifests.filter(({ digest }) => stays.has(digest) && !byRule.has(digest))),
  }
}

/** With children, and with referrers by subject or by the tag that names what they refer to. */
function reachable(
  from: readonly string[],
  tags: Holdings['tags'],
  manifests: readonly HeldManifest[],
): Set<string> {
  const next = new Map<string, string[]>()
  const link = (a: string, b: string) => next.set(a, [...(next.get(a) ?? []), b])
  for (const { digest, children, subject } of manifests) {
    for (const child of children) link(digest, child)
    if (subject !== null) link(subject, digest)
  }
  for (const { name, digest } of tags) {
    if (isSignatureTag(name)) link(name.slice(0, 7 + 64).replace('-', ':'), digest)
  }
  const seen = new Set<string>()
  const waiting = [...from]
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    if (seen.has(at)) continue
    seen.add(at)
    waiting.push(...(next.get(at) ?? []))
  }
  return seen
}

/** Parents before children, subjects before referrers; a circle, which no digest allows, would be left out. */
function rootsFirst(gone: readonly HeldManifest[]): HeldManifest[] {
  const byDigest = new Map(gone.map((manifest) => [manifest.digest, manifest]))
  const waitsFor = new Map(gone.map(({ digest }) => [digest, 0]))
  const after = new Map<string, string[]>()
  const before = (first: string, then: string) => {
    if (!byDigest.has(first) || !byDigest.has(then)) return
    after.set(first, [...(after.get(first) ?? []), then])
    waitsFor.set(then, (waitsFor.get(then) ?? 0) + 1)
  }
  for (const { digest, children, subject } of gone) {
    for (const child of new Set(children)) before(digest, child)
    if (subject !== null) before(subject, digest)
  }
  const ready = gone.filter(({ digest }) => waitsFor.get(digest) === 0).map(({ digest }) => digest)
  for (const digest of ready) {
    for (const then of after.get(digest) ?? []) {
      const left = (waitsFor.get(then) ?? 0) - 1
      waitsFor.set(then, left)
      if (left === 0) ready.push(then)
    }
  }
  return ready.flatMap((digest) => byDigest.get(digest) ?? [])
}
