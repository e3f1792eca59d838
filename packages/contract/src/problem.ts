import { z } from 'zod'

/** One thing that is wrong with what was sent; `field` is a path as `items[0].image`, empty for the whole. */
export const fieldError = z.object({ field: z.string(), rule: z.string(), message: z.string() })
export type FieldError = z.infer<typeof fieldError>

/** RFC 9457, "application/problem+json", with a stable `code` and the id of the request's log lines. */
export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  requestId: z.string(),
  errors: z.array(fieldError),
  /** Of a conflict, both sides; of gates, their reports. */
  context: z.unknown().optional(),
})
export type Problem = z.infer<typeof problem>
