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

export const tag = z.object({
  tag: z.string(),
  digest,
  mediaType: z.string(),
  /** Bytes; null of a remote index, whose parts were not looked at. */
  size: z.int().nullable(),
  platforms: z.array(z.string()),
  /** Of a remote tag: when it was first seen to name this digest. */
  pushedAt: time,
  /** Null where a promotion set it, or a registry elsewhere knows. */
  pushedBy: z.string().nullable(),
  promotion: id.nullable(),
  /** Kept by the feed itself, on the highest release. */
  virtual: z.boolean(),
  /** Of a virtual tag: the release that it stands for now. */
  release: z.string().nullable(),
  /** By the address that this answer was asked at. */
  pullCommand: z.string(),
})
export type Tag = z.infer<typeof tag>
export const tags = listOf(tag)
export const tagsQuery = z.strictObject({
  repository: repositoryName,
  /** Only releases within it: `~1.4`, `^1`, `>=1.2 <2`, `latest-stable`. */
  range: z.string().min(1).max(128).optional(),
  /** A part of the tag, or the beginning of a digest. */
  find: z.string().min(1).max(512).optional(),
  /** `desc`: the highest version first. */
  order: z.enum(['asc', 'desc']).default('asc'),
  ...page,
})

/** One move: `from` null set the tag first, `to` null deleted it. */
export const tagMove = z.object({
  at: time,
  from: digest.nullable(),
  to: digest.nullable(),
  by: z.string().nullable(),
  promotion: id.nullable(),
  /** Of a promotion: what it was asked by, and who approved it. */
  request: id.nullable(),
  approvers: z.array(z.string()),
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

/** One move among those of all tags that the caller may see. */
export const foundMove = tagMove.extend({
  /** Its place in this list. */
  id: z.string(),
  feed: z.string(),
  repository: z.string(),
  tag: z.string(),
  /** Of a promotion: who asked for it, and what for. */
  requester: z.string().nullable(),
  reason: z.string().nullable(),
  /** Of a move that followed from something else, as a purge: the type of its audit entry. */
  event: z.string().nullable(),
})
export type FoundMove = z.infer<typeof foundMove>
export const tagMoves = listOf(foundMove)
export const tagMovesQuery = z.strictObject({
  feed: feedName.optional(),
  repository: repositoryName.optional(),
  tag: tagName.optional(),
  /** That the tag came to, or left. */
  digest: digest.optional(),
  /** Who moved it or, of a promotion, approved it: a user name, or `robot:name`. */
  actor: principalName.optional(),
  /** From `since`, before `until`. */
  since: time.optional(),
  until: time.optional(),
  ...page,
})

/** Back to a digest that the tag was on, or to what it was `at` a time. */
export const restoreBody = z
  .strictObject({
    repository: repositoryName,
    tag: tagName,
    digest: digest.optional(),
    at: time.optional(),
  })
  .superRefine((body, context) => {
    if ((body.digest === undefined) !== (body.at === undefined)) return
    const message = 'say where to go back to: either digest or at'
    context.addIssue({ code: 'custom', path: ['digest'], message, params: { rule: 'exclusive' } })
  })

/** The move; `from` equals `to` when the tag was there already. */
export const restored = z.object({ tag: z.string(), from: digest.nullable(), to: digest })
export type Restored = z.infer<typeof restored>
