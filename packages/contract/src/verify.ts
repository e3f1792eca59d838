import { z } from 'zod'
import { admission } from './digests.ts'
import { digest } from './grammar.ts'
import { standingRecall } from './recalls.ts'

/** `image` by its full name: `[server/]feed/repository[:tag][@digest]`. */
export const verifyBody = z.strictObject({ image: z.string().min(1).max(2048) })

export const verdict = z.object({
  allowed: z.boolean(),
  digest: digest.nullable(),
  reason: z.string(),
  admission: admission.nullable(),
  /** What stands against it, where `reason` is `recalled`. */
  recall: standingRecall.nullable(),
})
export type Verdict = z.infer<typeof verdict>
