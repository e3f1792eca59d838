import { z } from 'zod'
import { digest, id, listOf, page, repositoryName, tagName, time } from './grammar.ts'

export const tag = z.object({
  tag: z.string(),
  digest,
  mediaType: z.string(),
  size: z.int(),
  platforms: z.array(z.string()),
  pushedAt: time,
  /** Null where a promotion set it. */
  pushedBy: z.string().nullable(),
  promotion: id.nullable(),
  virtual: z.boolean(),
})
export type Tag = z.infer<typeof tag>
export const tags = listOf(tag)
export const tagsQuery = z.strictObject({ repository: repositoryName, ...page })

/** One move: `from` null set the tag first, `to` null deleted it. */
export const tagMove = z.object({
  at: time,
  from: digest.nullable(),
  to: digest.nullable(),
  by: z.string().nullable(),
  promotion: id.nullable(),
})
export type TagMove = z.infer<typeof tagMove>
/** With `at`: `digest` is what the tag pointed at then, null when it was not there; no moves are listed. */
export const tagHistory = listOf(tagMove).extend({ digest: digest.nullable().optional() })
export const tagHistoryQuery = z.strictObject({
  repository: repositoryName,
  tag: tagName,
  at: time.optional(),
  ...page,
})
