import { z } from 'zod'
import { feedName, id, listOf, name, time } from './grammar.ts'

/** Read by the promotion rules, which name the key that is wrong. */
export const policy = z.record(z.string(), z.unknown())

export const lane = z.object({
  id,
  name: z.string(),
  version: z.int(),
  from: z.string(),
  to: z.string(),
  policy,
  createdAt: time,
  /** Of this version. */
  updatedAt: time,
})
export type Lane = z.infer<typeof lane>
export const lanes = listOf(lane)

export const laneBody = z.strictObject({ name, from: feedName, to: feedName, policy: policy.optional() })
/** Makes a new version; name and feeds are fixed, and may be sent as they are. */
export const lanePut = z.strictObject({
  name: name.optional(),
  from: feedName.optional(),
  to: feedName.optional(),
  policy,
})
