import { z } from 'zod'
import { listOf } from './grammar.ts'
import { verbs } from './words.ts'

export const verb = z.enum(verbs)
export type Verb = z.infer<typeof verb>

/** `user:x`, `group:x`, `robot:x` or `*` (anyone, anonymous too); a bare name is a user. */
export const principal = z
  .string()
  .max(80)
  .regex(/^(?:\*|(?:(?:user|group|robot):)?[A-Za-z0-9][A-Za-z0-9._@-]*)$/, {
    message: 'a principal is user:NAME, group:NAME, robot:NAME, NAME (a user) or *',
  })

export const grant = z.object({ principal: z.string(), verbs: z.array(verb) })
export type Grant = z.infer<typeof grant>

export const grants = listOf(grant)
export const grantsBody = z.array(z.strictObject({ principal, verbs: z.array(verb).min(1) })).max(1000)
