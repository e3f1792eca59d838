import { z } from 'zod'
import { digest, id, listOf, name, page, time } from './grammar.ts'
import { standingRecall } from './recalls.ts'
import { standings } from './words.ts'

/** Bytes of a report. */
export const REPORT_BODY_LIMIT = 4 * 1024 * 1024

/** Who may report, and read the whole report. */
const reporter = z
  .string()
  .max(80)
  .regex(/^(?:(?:user|group|robot):)?[A-Za-z0-9][A-Za-z0-9._@-]*$/, {
    message: 'a reporter is user:NAME, group:NAME, robot:NAME or NAME (a user)',
  })
const reporters = z.array(reporter).max(100)
const staleAfterHours = z.int().min(1).max(8760)

export const standing = z.enum(standings)
export type Standing = z.infer<typeof standing>

export const site = z.object({
  id,
  name: z.string(),
  /** Null for who does not administer sites. */
  reporters: z.array(z.string()).nullable(),
  /** So long without a report, it is stale; what it reported still counts. */
  staleAfterHours: z.int(),
  createdAt: time,
  reportedAt: time.nullable(),
  reportedBy: z.string().nullable(),
  state: z.enum(['unreported', 'current', 'stale']),
  /** How many digests run there. */
  running: z.object({
    recalled: z.int(),
    admitted: z.int(),
    'not-admitted': z.int(),
    unknown: z.int(),
  }),
})
export type Site = z.infer<typeof site>
export const sites = listOf(site)

export const siteBody = z.strictObject({
  name,
  reporters: reporters.default([]),
  staleAfterHours: staleAfterHours.default(24),
})
export const sitePatch = z.strictObject({
  reporters: reporters.optional(),
  staleAfterHours: staleAfterHours.optional(),
})

/** Everything that runs in the site now; replaces what was reported before. */
export const reportBody = z
  .array(
    z.strictObject({
      digest,
      /** The reference that it was started by. */
      image: z
        .string()
        .max(512)
        .regex(/^[\x21-\x7e]+$/, { message: 'an image reference has no spaces and is ASCII' })
        .optional(),
    }),
  )
  .max(5000)

/** What a report changed. */
export const report = z.object({
  site: z.string(),
  reportedAt: time,
  digests: z.int(),
  began: z.int(),
  ended: z.int(),
})

export const running = z.object({
  site: z.string(),
  /** As reported: of an image, of an index, or of a config, which some runtimes call the image. */
  digest,
  /** The references that it was started by. */
  images: z.array(z.string()),
  since: time,
  /** When a report no longer named it; null while it runs. */
  until: time.nullable(),
  /** Its site has not reported for longer than it is meant to. */
  stale: z.boolean(),
  standing,
  recall: standingRecall.nullable(),
  /** Some of those that hold it, as `feed/repository`, trusted ones first. */
  repositories: z.array(z.string()),
})
export type Running = z.infer<typeof running>
export const runningList = listOf(running)

export const runningQuery = z.strictObject({
  site: name.optional(),
  /** What runs of it: itself, an index that contains it, an image or a config in it. */
  digest: digest.optional(),
  standing: standing.optional(),
  /** Also what ended. */
  past: z.enum(['true', 'false']).optional(),
  ...page,
})
