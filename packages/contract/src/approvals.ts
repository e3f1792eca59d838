import { z } from 'zod'
import { digest, freeText, time } from './grammar.ts'

export const approval = z.object({
  person: z.string(),
  decision: z.enum(['approve', 'reject']),
  comment: z.string().nullable(),
  at: time,
  revokedAt: time.nullable(),
})
export type Approval = z.infer<typeof approval>

/** `digest` repeats the pinned digest (of a set: its `setDigest`), so that nobody approves unseen. */
export const approvalBody = z
  .strictObject({
    decision: z.enum(['approve', 'reject']),
    digest,
    comment: freeText.optional(),
  })
  .superRefine((body, context) => {
    if (body.decision === 'reject' && (body.comment ?? '').trim() === '') {
      context.addIssue({
        code: 'custom',
        path: ['comment'],
        message: 'a rejection says why',
        params: { rule: 'required' },
      })
    }
  })
