import { z } from 'zod'
import {
  digest,
  feedName,
  id,
  listOf,
  page,
  principalName,
  repositoryName,
  tagName,
  time,
} from './grammar.ts'

export const promotionStates = ['QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'ERRORED', 'CANCELLED'] as const
export const promotionState = z.enum(promotionStates)
export type PromotionState = z.infer<typeof promotionState>

const counts = { bytes: z.int(), totalBytes: z.int(), blobs: z.int(), totalBlobs: z.int() }

/** One execution, as its request shows it. */
export const promotion = z.object({
  id,
  requestId: id,
  state: promotionState,
  attempt: z.int(),
  step: z.string().nullable(),
  steps: z.array(
    z.object({
      name: z.string(),
      state: z.enum(['running', 'done']),
      startedAt: time,
      finishedAt: time.nullable(),
    }),
  ),
  /** Of the step that runs, while bytes move; of the whole promotion otherwise. */
  progress: z.object({
    ...counts,
    /** Null while no byte moves. */
    bytesPerSecond: z.int().nullable(),
    secondsLeft: z.int().nullable(),
    /** Of each item of the request, in their order. */
    items: z.array(z.object(counts)),
  }),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  startedAt: time.nullable(),
  finishedAt: time.nullable(),
})
export type Promotion = z.infer<typeof promotion>

/** One line of the executed history. */
export const executed = z.object({
  id,
  requestId: id,
  state: promotionState,
  digest,
  targets: z.array(
    z.object({
      feed: z.string(),
      repository: z.string(),
      tag: z.string(),
      digest,
      /** By digest, and by the tag; null when nothing was promoted. As those of a request's items. */
      pullCommand: z.string().nullable(),
      tagPullCommand: z.string().nullable(),
    }),
  ),
  requester: z.string(),
  approvers: z.array(z.string()),
  startedAt: time.nullable(),
  finishedAt: time.nullable(),
})
export type Executed = z.infer<typeof executed>
export const promotions = listOf(executed)

/** A week in figures, over every promotion into feeds that the caller may see. */
export const week = z.object({
  /** Its Monday in the zone that was asked for, as `YYYY-MM-DD`. */
  monday: z.iso.date(),
  /** Promotions that ended in it. */
  promoted: z.int(),
  failed: z.int(),
  /** Medians in milliseconds: from the request to its promotion's end, and to its decision. */
  lead: z.number().nullable(),
  wait: z.number().nullable(),
})
export type Week = z.infer<typeof week>
/** The oldest first, the current one last. */
export const weeks = z.object({ weeks: z.array(week) })
export const weeksQuery = z.strictObject({
  /** Of the IANA database, as `Europe/Berlin`: where a week begins. */
  zone: z.string().min(1).max(64).default('UTC'),
  weeks: z.coerce.number<number>().int().min(1).max(53).default(12),
  feed: feedName.optional(),
})

export const promotionsQuery = z.strictObject({
  feed: feedName.optional(),
  repository: repositoryName.optional(),
  /** That it was to set. */
  tag: tagName.optional(),
  digest: digest.optional(),
  /** Who asked for it or approved it: a user name, or `robot:name`. */
  actor: principalName.optional(),
  since: time.optional(),
  until: time.optional(),
  ...page,
})
