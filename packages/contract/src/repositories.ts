import { z } from 'zod'
import { listOf, page, time } from './grammar.ts'

/** `createdAt`: when the feed first heard of it; null of one that only the feed's settings name. */
export const repository = z.object({ name: z.string(), createdAt: time.nullable() })
export type Repository = z.infer<typeof repository>
/** `note`: why the list may not be whole; null: it is. */
export const repositories = listOf(repository).extend({ note: z.string().nullable() })
export const repositoriesQuery = z.strictObject({
  /** A part of the name. */
  find: z.string().min(1).max(255).optional(),
  ...page,
})
