import { z } from 'zod'
import { evidence } from './evidence.ts'
import { digest, id, time } from './grammar.ts'
import { standingRecall } from './recalls.ts'

/** Who let a digest into a repository of a trusted feed. */
export const admission = z.object({
  id,
  promotion: id,
  request: id,
  /** Let in without a quorum: its request says by whom, and who reviewed it. */
  breakGlass: z.boolean(),
  requester: z.string(),
  approvers: z.array(z.string()),
  at: time,
})
export type Admission = z.infer<typeof admission>

export const digestView = z.object({
  digest,
  mediaType: z.string().nullable(),
  size: z.int().nullable(),
  places: z.array(
    z.object({
      feed: z.string(),
      repository: z.string(),
      tags: z.array(z.string()),
      /** Those that the feed itself keeps on it now. */
      virtualTags: z.array(z.string()),
      admission: admission.nullable(),
      /** Why it may not be pulled from here any more. */
      recall: standingRecall.nullable(),
      /** By digest; null where it is recalled. */
      pullCommand: z.string().nullable(),
    }),
  ),
  /** Indexes that it is part of, where they are: a recall of it reaches them too. */
  containedIn: z.array(
    z.object({ feed: z.string(), repository: z.string(), digest, tags: z.array(z.string()) }),
  ),
  /** The newest; `GET /evidence` lists all. */
  evidence: z.array(evidence),
})
export type DigestView = z.infer<typeof digestView>
