import { z } from 'zod'
import { digest, listOf, page, time } from './grammar.ts'

/** A repository in the feeds that hold it: of each the highest release, or without releases what was set last. */
export const stage = z.object({
  repository: z.string(),
  places: z.array(
    z.object({
      feed: z.string(),
      /** Null where it holds images without a tag. Of a remote feed as it was last seen. */
      newest: z.object({ tag: z.string(), digest, setAt: time }).nullable(),
    }),
  ),
})
export type Stage = z.infer<typeof stage>
export const stages = listOf(stage)
export const stagesQuery = z.strictObject({
  /** A part of the repository's name. */
  find: z.string().min(1).max(255).optional(),
  ...page,
})
