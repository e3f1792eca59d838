import { z } from 'zod'
import { id, listOf, page, time } from './grammar.ts'

/** An entry as the log has it, with its payload unless that was erased. */
export const auditEntry = z.object({
  id,
  type: z.string(),
  at: time,
  actor: z.string(),
  subjects: z.array(z.string()),
  payload: z.unknown().nullable(),
})
export type AuditEntry = z.infer<typeof auditEntry>
export const auditEntries = listOf(auditEntry)

export const auditQuery = z.strictObject({
  type: z.string().min(1).max(100).optional(),
  actor: z.string().min(1).max(200).optional(),
  subject: z.string().min(1).max(300).optional(),
  since: time.optional(),
  until: time.optional(),
  ...page,
})
