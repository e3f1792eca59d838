import { z } from 'zod'
import { feedName, id, imagesAddress, listOf, time } from './grammar.ts'
import { runningWhere } from './recalls.ts'
import { remote, remoteBody, remotePatch } from './remotes.ts'

const patterns = z.array(z.string().min(1).max(128)).max(100)

/** Patterns: `release` is X.Y.Z[-pre], others are globs with `*`. */
export const tagRules = z.strictObject({
  /** Tags are releases and what is `permitted` beside them; the feed itself keeps X, X.Y and `latest`. */
  versions: z.boolean().optional(),
  permitted: patterns.optional(),
  /** Tags that, once set, never move and are never removed. */
  immutable: patterns.optional(),
})
export type TagRules = z.infer<typeof tagRules>

const stage = z
  .string()
  .max(63)
  .regex(/^[a-z0-9][a-z0-9-]*$/, { message: 'a stage is 1 to 63 of a-z 0-9 -' })

/** Checked whole by the service; without rules everything is kept. */
const retentionRules = z
  .array(
    z.strictObject({
      repositories: z.array(z.string()),
      keepLast: z.int().optional(),
      keepDays: z.int().optional(),
      keepTags: z.array(z.string()).optional(),
    }),
  )
  .max(50)
const retention = z.strictObject({ rules: retentionRules })

/** Other rules than the feed's own. */
export const retentionPreviewBody = z.strictObject({ rules: retentionRules.optional() })

const retired = z.object({ repository: z.string(), digest: z.string(), tags: z.array(z.string()) })

export const retentionPreview = z.object({
  items: z.array(retired),
  /** What would go if nothing ran: it runs, or belongs to what runs, and then `running` is empty. */
  kept: z.array(retired.extend({ running: z.array(runningWhere) })),
  /** There is more than is shown. */
  more: z.boolean(),
})

/** What the distinct blobs of the feed may take, in bytes. */
const quota = z.strictObject({ bytes: z.int().min(1) }).nullable()

/** `hosted`: stored here. `remote`: in any other registry. `proxy`: a cache of one, filled by what is pulled. */
const feedKind = z.enum(['hosted', 'remote', 'proxy'])

/** Of a proxy feed. */
const cacheBody = z.strictObject({
  /** What nobody pulled for so many days goes; 30 unless given. */
  keepDays: z.int().min(1).max(36_500).optional(),
})

const cache = z.object({
  keepDays: z.int(),
  /** When its upstream last answered, to a minute; null: not yet. */
  reachedAt: time.nullable(),
  /** Since when it cannot be asked, and why; pulls are served from the cache meanwhile. Null while it answers. */
  failingSince: time.nullable(),
  failure: z.string().nullable(),
})

export const feed = z.object({
  id,
  name: z.string(),
  formerNames: z.array(z.string()),
  kind: feedKind,
  stage: z.string(),
  trusted: z.boolean(),
  tagRules,
  retention,
  quota,
  /** How its registry is reached; null where the feed is hosted. */
  remote: remote.nullable(),
  address: imagesAddress,
  /** What a proxy feed keeps, and how it stands with its upstream; null of others. */
  cache: cache.nullable(),
  /** Bytes. */
  used: z.number(),
  createdAt: time,
})
export type Feed = z.infer<typeof feed>
export const feeds = listOf(feed)

export const feedBody = z
  .strictObject({
    name: feedName,
    kind: feedKind.default('hosted'),
    stage,
    trusted: z.boolean().default(false),
    tagRules: tagRules.default({}),
    quota: quota.default(null),
    retention: retention.default({ rules: [] }),
    remote: remoteBody.optional(),
    cache: cacheBody.optional(),
  })
  .refine(({ kind, remote: given }) => (kind === 'hosted') === (given === undefined), {
    path: ['remote'],
    message: 'a remote or proxy feed says how its registry is reached, and a hosted one has none',
    params: { rule: 'kind' },
  })
  .refine(({ kind, cache: given }) => kind === 'proxy' || given === undefined, {
    path: ['cache'],
    message: 'only a proxy feed is a cache',
    params: { rule: 'kind' },
  })

/** A new `name` renames; the old one stays reserved to this feed and keeps working. */
export const feedPatch = z.strictObject({
  name: feedName.optional(),
  stage: stage.optional(),
  trusted: z.boolean().optional(),
  tagRules: tagRules.optional(),
  quota: quota.optional(),
  retention: retention.optional(),
  /** As it is: a feed keeps its kind. */
  kind: feedKind.optional(),
  remote: remotePatch.optional(),
  cache: cacheBody.optional(),
})
