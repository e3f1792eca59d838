import { z } from 'zod'
import { digest, id, listOf, page, time } from './grammar.ts'

export const lateStates = ['waiting', 'admitted', 'refused'] as const

/** A signature, SBOM or attestation that came to the source after the promotion of its image. */
export const lateReferrer = z.object({
  id,
  /** Where the image was promoted to. */
  target: z.object({ feed: z.string(), repository: z.string() }),
  /** What it speaks about: the image, a part of it, or what followed it before. */
  subject: digest,
  digest,
  /** As `sha256-….sig`, which names its subject; null: it refers by its own subject. */
  tag: z.string().nullable(),
  /** `waiting` is looked at again; `admitted` is in the target. */
  state: z.enum(lateStates),
  /** Why it is not in the target. */
  reason: z.string().nullable(),
  carries: z.array(
    z.object({
      layer: digest,
      type: z.string(),
      predicateType: z.string().nullable(),
      /** Who vouches for it: `key:NAME` or `identity:NAME` of the lane, `user:NAME`, `robot:NAME`. */
      from: z.array(z.string()),
    }),
  ),
  foundAt: time,
  changedAt: time,
})
export type LateReferrer = z.infer<typeof lateReferrer>

/** The newest first, with when the source was last looked at and when it will be. */
export const lateReferrers = listOf(lateReferrer).extend({
  scannedAt: time.nullable(),
  /** Null: not unless somebody asks for it. */
  dueAt: time.nullable(),
  /** Why not all could be looked at. */
  problem: z.string().nullable(),
})
export type LateReferrers = z.infer<typeof lateReferrers>
export const lateReferrersQuery = z.strictObject(page)
