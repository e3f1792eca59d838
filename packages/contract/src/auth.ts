import { z } from 'zod'
import { time } from './grammar.ts'

export const loginBody = z.strictObject({
  username: z.string().min(1).max(255),
  password: z.string().min(1).max(1024),
})

/** While `mustChangePassword`, nothing but the change of the password is allowed. */
export const session = z.object({ token: z.string(), expiresAt: time, mustChangePassword: z.boolean() })
export type Session = z.infer<typeof session>

export const passwordChange = z.strictObject({
  current: z.string().min(1).max(1024),
  next: z.string().min(8, 'a password has at least 8 characters').max(1024),
})
