import { z } from 'zod'
import { id, listOf, name, time } from './grammar.ts'

export const role = z.enum(['admin', 'auditor'])
export type Role = z.infer<typeof role>

const password = z.string().min(8, 'a password has at least 8 characters').max(1024)
const displayName = z.string().min(1).max(255)

export const user = z.object({
  id,
  username: z.string(),
  displayName: z.string(),
  roles: z.array(role),
  groups: z.array(z.string()),
  mustChangePassword: z.boolean(),
  disabled: z.boolean(),
  createdAt: time,
})
export type User = z.infer<typeof user>
export const users = listOf(user)

export const userBody = z.strictObject({
  username: name,
  password: password.optional(),
  displayName: displayName.optional(),
  roles: z.array(role).optional(),
  groups: z.array(name).max(200).optional(),
  mustChangePassword: z.boolean().optional(),
})

/** `password` is there once, when it was generated. */
export const newUser = user.extend({ password: z.string().optional() })

export const userPatch = z.strictObject({
  password: password.optional(),
  displayName: displayName.optional(),
  roles: z.array(role).optional(),
  groups: z.array(name).max(200).optional(),
  mustChangePassword: z.boolean().optional(),
  disabled: z.boolean().optional(),
})
