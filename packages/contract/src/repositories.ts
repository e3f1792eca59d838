import { z } from 'zod'
import { listOf, time } from './grammar.ts'

export const repository = z.object({ name: z.string(), createdAt: time })
export type Repository = z.infer<typeof repository>
export const repositories = listOf(repository)
