import { z } from 'zod'
import { id, listOf, name, time } from './grammar.ts'

/** `*` (all its owner may), one verb on one feed: `request:trusted`, or reports of one site: `report:prod-eu`. */
export const scope = z
  .string()
  .max(80)
  .regex(
    /^(?:\*|(?:pull|push|delete|request|approve|admin|break-glass|recall):[a-z0-9][a-z0-9_-]*|report:[a-z0-9][a-z0-9._@-]*)$/,
    { message: 'a scope is *, VERB:FEED as in push:dev, or report:SITE' },
  )

export const token = z.object({
  id,
  name: z.string(),
  robot: z.string().nullable(),
  scopes: z.array(z.string()),
  createdAt: time,
  expiresAt: time,
  lastUsedAt: time.nullable(),
})
export type Token = z.infer<typeof token>
export const tokens = listOf(token)

/** Without `expiresAt` it ends in 90 days. With `robot` the token belongs to the robot of that name, which is made when it is new. */
export const tokenBody = z.strictObject({
  name: z.string().min(1).max(255),
  scopes: z.array(scope).min(1).max(100),
  expiresAt: time.optional(),
  robot: name.optional(),
})

/** `secret` is shown here only. */
export const newToken = token.extend({ secret: z.string() })
