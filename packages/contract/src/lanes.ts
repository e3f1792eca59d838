import { z } from 'zod'
import { feedName, id, listOf, name, time } from './grammar.ts'

/** Read by the promotion rules, which name the key that is wrong. */
export const policy = z.record(z.string(), z.unknown())

/** A change that waits for a second administrator. */
export const laneChange = z.object({
  id,
  kind: z.enum(['create', 'put', 'remove']),
  /** Null: the lane is to be removed. */
  policy: policy.nullable(),
  invalidate: z.boolean(),
  by: z.string(),
  at: time,
})
export type LaneChange = z.infer<typeof laneChange>

export const lane = z.object({
  id,
  name: z.string(),
  /** 0: proposed, and not made before a second administrator confirms it. */
  version: z.int(),
  from: z.string(),
  to: z.string(),
  policy,
  createdAt: time,
  /** Of this version. */
  updatedAt: time,
  pending: laneChange.nullable(),
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
/** `true` ends the open requests that were made under older versions. */
export const lanePutQuery = z.strictObject({ invalidate: z.enum(['true', 'false']).optional() })

export const laneVersion = z.object({
  version: z.int(),
  policy,
  policyHash: z.string(),
  by: z.string(),
  at: time,
  /** The second administrator, where one was needed. */
  confirmedBy: z.string().nullable(),
})
export const laneVersions = listOf(laneVersion)
