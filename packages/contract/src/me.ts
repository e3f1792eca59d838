import { z } from 'zod'
import { verb } from './grants.ts'
import { id } from './grammar.ts'
import { role } from './users.ts'

/** Who the credential speaks for, and what that may do where. */
export const me = z.object({
  id,
  kind: z.enum(['person', 'robot']),
  name: z.string(),
  displayName: z.string(),
  roles: z.array(role),
  mustChangePassword: z.boolean(),
  scopes: z.array(z.string()),
  grants: z.array(z.object({ feed: z.string(), verbs: z.array(verb) })),
})
export type Me = z.infer<typeof me>
