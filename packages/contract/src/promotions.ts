import { z } from 'zod'
import { digest, feedName, id, listOf, page, repositoryName, time } from './grammar.ts'

export const promotionStates = ['QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'ERRORED', 'CANCELLED'] as const
export const promotionState = z.enum(promotionStates)
export type PromotionState = z.infer<typeof promotionState>

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
    bytes: z.int(),
    totalBytes: z.int(),
    blobs: z.int(),
    totalBlobs: z.int(),
    /** Null while no byte moves. */
    bytesPerSecond: z.int().nullable(),
    secondsLeft: z.int().nullable(),
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
      /** By the address that this answer was asked at; null when nothing was promoted. */
      pullCommand: z.string().nullable(),
    }),
  ),
  requester: z.string(),
  approvers: z.array(z.string()),
  startedAt: time.nullable(),
  finishedAt: time.nullable(),
})
export type Executed = z.infer<typeof executed>
export const promotions = listOf(executed)

export const promotionsQuery = z.strictObject({
  feed: feedName.optional(),
  repository: repositoryName.optional(),
  digest: digest.optional(),
  since: time.optional(),
  until: time.optional(),
  ...page,
})
