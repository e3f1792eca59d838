import { z } from 'zod'
import { id, listOf, name, time } from './grammar.ts'

export const group = z.object({ id, name: z.string(), members: z.array(z.string()), createdAt: time })
export type Group = z.infer<typeof group>
export const groups = listOf(group)

const members = z.array(name).max(1000)
export const groupBody = z.strictObject({ name, members: members.default([]) })
export const groupPatch = z.strictObject({ members })
