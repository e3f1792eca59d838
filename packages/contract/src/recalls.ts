import { z } from 'zod'
import { digest, feedName, freeText, id, listOf, page, repositoryName, tagName, time } from './grammar.ts'

/** A site that runs something, by the digest that it reported. */
export const runningWhere = z.object({ site: z.string(), digest, since: time })

/** A manifest that was let into a trusted feed, and why it may not be pulled from there any more. */
export const recallBody = z.strictObject({ digest, feed: feedName, reason: freeText.min(1) })

export const recall = z.object({
  id,
  feed: z.string(),
  digest,
  reason: z.string(),
  by: z.string(),
  at: time,
  /** When a request of kind `restore` undid it; null while it stands. */
  lifted: z.object({ at: time, request: id }).nullable(),
  /** Images that it reaches: itself and what contains it, in its feed and those after it. */
  places: z.array(z.object({ feed: z.string(), repository: repositoryName, digest, tags: z.array(tagName) })),
  /** The sites that run what it reaches now, or an image of an index that it reaches; none once it is lifted. */
  running: z.array(runningWhere),
})
export type Recall = z.infer<typeof recall>
export const recalls = listOf(recall)
export const recallsQuery = z.strictObject({ feed: feedName.optional(), digest: digest.optional(), ...page })

/** What keeps one image from being pulled: `digest` is itself, or an image that it contains. */
export const standingRecall = z.object({ id, feed: z.string(), digest, reason: z.string(), at: time })
