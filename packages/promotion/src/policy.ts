import { createHash } from 'node:crypto'
import { canonicalJson, type JsonValue } from '@sluice/proof'
import { z } from 'zod'
import { readShape } from './shape.ts'
import { tagPatterns } from './tag-rules.ts'

const quorumRule = z.strictObject({
  count: z.int().min(1).max(20),
  group: z.string().min(1).max(128).optional(),
})

const policy = z.strictObject({
  gates: z
    .strictObject({
      quorum: z
        .array(quorumRule)
        .min(1)
        .max(10)
        .default([{ count: 1 }]),
      requester: z.literal('excluded').default('excluded'),
      pusher: z.literal('excluded').optional(),
      tagRule: z.strictObject({ patterns: tagPatterns.min(1) }).optional(),
      soak: z.strictObject({ minutes: z.int().min(1).max(525_600) }).optional(),
    })
    .prefault({}),
  requestExpiresAfter: z.strictObject({ hours: z.int().min(1).max(8_760) }).default({ hours: 168 }),
})

/** `count` persons, of one group where it is named. Each person fills one seat of one rule only. */
export type QuorumRule = { readonly count: number; readonly group?: string }

/** What a lane asks for. A request keeps the version it was made under. */
export type Policy = {
  readonly gates: {
    readonly quorum: readonly QuorumRule[]
    /** Always: nobody approves the own request. */
    readonly requester: 'excluded'
    /** Who pushed the image to the from feed cannot approve it either. */
    readonly pusher?: 'excluded'
    /** Every target tag matches one of these (`release` or a glob). */
    readonly tagRule?: { readonly patterns: readonly string[] }
    /** How long the digest must have been in the from feed before it is copied. */
    readonly soak?: { readonly minutes: number }
  }
  readonly requestExpiresAfter: { readonly hours: number }
}

/**
 * Reads a lane's policy and fills in what is left out; `{}` is `defaultPolicy()`.
 * @throws PromotionError invalid: one issue a field; for an unknown key the nearest known one
 */
export function parsePolicy(value: unknown): Policy {
  // Undefined fields would be lost in JSON and change the hash; zod writes none for absent keys.
  return readShape(policy, value) as Policy
}

/** One approval, by anyone but the requester; open for seven days. */
export function defaultPolicy(): Policy {
  return parsePolicy({})
}

/** Lower-case hex SHA-256 over the canonical JSON (RFC 8785) of the policy as stored. */
export function policyHash(stored: Policy): string {
  return createHash('sha256')
    .update(canonicalJson(stored as unknown as JsonValue))
    .digest('hex')
}

/** The least number of distinct persons that can satisfy the policy; at least 1. */
export function quorumOf({ gates }: Policy): number {
  return gates.quorum.reduce((sum, rule) => sum + rule.count, 0)
}
