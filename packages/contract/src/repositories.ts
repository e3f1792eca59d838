import { z } from 'zod'
import { listOf, page, time } from './grammar.ts'

/** `createdAt`: when the feed first heard of it; null of one that only its own registry knows. */
export const repository = z.object({ name: z.string(), createdAt: time.nullable() })
export type Repository = z.infer<typeof repository>
export const repositories = listOf(repository)
export const repositoriesQuery = z.strictObject({
  /** A part of the name. */
  find: z.string().min(1).max(255).optional(),
  ...page,
})
