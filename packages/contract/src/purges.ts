import { z } from 'zod'
import { digest, feedName, freeText, id, listOf, page, time } from './grammar.ts'

/** A recalled manifest whose bytes are to go; `feed`: which of its recalls, where there are several. */
export const purgeBody = z.strictObject({ digest, feed: feedName.optional(), reason: freeText.min(1) })

export const purge = z.object({
  id,
  digest,
  recall: id,
  /** Of the recall. */
  feed: z.string(),
  reason: z.string(),
  openedBy: z.string(),
  openedAt: time,
  /** Null until another person confirms it; `digests`: every manifest that went. */
  confirmed: z.object({ by: z.string(), at: time, digests: z.array(digest) }).nullable(),
})
export type Purge = z.infer<typeof purge>
export const purges = listOf(purge)
export const purgesQuery = z.strictObject({ digest: digest.optional(), ...page })
