import { createHash } from 'node:crypto'
import { canonicalJson, type JsonValue } from '@sluice/proof'
import { z } from 'zod'
import { invalid, type Issue, shown } from './errors.ts'
import { type EvidenceRules, evidenceRules } from './gates/evidence.ts'
import type { EvidenceRule } from './gates/evidence-rule.ts'
import { type LicenceRule, licenceRule } from './gates/licences.ts'
import { predecessorRule } from './gates/predecessor.ts'
import { type ProvenanceRule, provenanceRule } from './gates/provenance.ts'
import { sbomRule } from './gates/sbom.ts'
import { signatureRules } from './gates/signatures.ts'
import { type TestRules, testRules } from './gates/tests.ts'
import { type TicketRule, ticketRule } from './gates/ticket.ts'
import { type VulnerabilityRule, vulnerabilityRule } from './gates/vulnerabilities.ts'
import { type WindowRule, windowRule } from './gates/window.ts'
import { nearestName, readShape } from './shape.ts'
import { type Identity, identities, keys, roots } from './signers.ts'
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
      window: windowRule.optional(),
      predecessor: predecessorRule.optional(),
      evidence: evidenceRules.optional(),
      tests: testRules.optional(),
      provenance: provenanceRule.optional(),
      sbom: sbomRule.optional(),
      licences: licenceRule.optional(),
      vulnerabilities: vulnerabilityRule.optional(),
      signatures: signatureRules.optional(),
      ticket: ticketRule.optional(),
    })
    .prefault({}),
  keys: keys.optional(),
  roots: roots.optional(),
  identities: identities.optional(),
  requestExpiresAfter: z.strictObject({ hours: z.int().min(1).max(8_760) }).default({ hours: 168 }),
})

/** `count` persons, of one group where it is named. Each person fills one seat of one rule only. */
export type QuorumRule = { readonly count: number; readonly group?: string }

/** What a lane asks for. A request keeps the version it was made under. Every gate: docs/gates.md. */
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
    readonly window?: WindowRule
    /** The feed that the digest must have been promoted into before. */
    readonly predecessor?: { readonly feed: string }
    readonly evidence?: EvidenceRules
    readonly tests?: TestRules
    readonly provenance?: ProvenanceRule
    readonly sbom?: EvidenceRule
    readonly licences?: LicenceRule
    readonly vulnerabilities?: VulnerabilityRule
    readonly signatures?: readonly EvidenceRule[]
    readonly ticket?: TicketRule
  }
  /** Public keys by the names that gates know them by, as `key:NAME`; PEM. */
  readonly keys?: { readonly [name: string]: string }
  /** Trusted roots of Sigstore that `identities` are certified by; JSON. */
  readonly roots?: { readonly [name: string]: string }
  /** Whom certificates name, by the names that gates know them by, as `identity:NAME`. */
  readonly identities?: { readonly [name: string]: Identity }
  readonly requestExpiresAfter: { readonly hours: number }
}

/**
 * Reads a lane's policy and fills in what is left out; `{}` is `defaultPolicy()`.
 * @throws PromotionError invalid: one issue a field; for an unknown key the nearest known one
 */
export function parsePolicy(value: unknown): Policy {
  // Undefined fields would be lost in JSON and change the hash; zod writes none for absent keys.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `| undefined` of optional keys is all that differs
  const read = readShape(policy, value) as Policy
  const issues = unknownKeys(read)
  if (issues.length > 0) throw invalid(...issues)
  return read
}

/** The rules of a policy that look at evidence, each with its place. */
export function evidenceRulesOf({
  gates,
}: Pick<Policy, 'gates'>): readonly (readonly [string, Pick<EvidenceRule, 'from'>])[] {
  const { evidence = [], tests = [], signatures = [] } = gates
  const named = { provenance: gates.provenance, sbom: gates.sbom, licences: gates.licences }
  return [
    ...Object.entries({ evidence, tests, signatures }).flatMap(([gate, rules]) =>
      rules.map((rule, i) => [`gates.${gate}[${i}]`, rule] as const),
    ),
    ...Object.entries({
      ...named,
      vulnerabilities: gates.vulnerabilities,
      'vulnerabilities.vex': gates.vulnerabilities?.vex,
    }).flatMap(([gate, rule]) => (rule === undefined ? [] : [[`gates.${gate}`, rule] as const])),
  ]
}

/** A gate that names a key or an identity which the lane does not have could never pass. */
function unknownKeys({ keys = {}, roots = {}, identities = {}, ...read }: Policy): Issue[] {
  const named = { key: Object.keys(keys), identity: Object.keys(identities) }
  const sources = evidenceRulesOf(read).flatMap(([place, { from }]) =>
    from.flatMap((source, i) => {
      const [kind = '', name = ''] = source.split(/:(.*)/s)
      if (kind !== 'key' && kind !== 'identity') return []
      return unknown(name, named[kind], `no ${kind} of this lane`, `${place}.from[${i}]`)
    }),
  )
  const certified = Object.entries(identities).flatMap(([name, { root }]) =>
    unknown(root, Object.keys(roots), 'no root of this lane', `identities.${name}.root`),
  )
  return [...sources, ...certified]
}

function unknown(name: string, names: readonly string[], what: string, field: string): Issue[] {
  if (names.includes(name)) return []
  const known = names.length === 0 ? 'the lane has none' : `known are ${names.join(', ')}`
  const message = `${shown(name)} is ${what}; ${nearestName(name, names)}${known}`
  return [{ field, rule: 'unknown_name', message }]
}

/** One approval, by anyone but the requester; open for seven days. */
export function defaultPolicy(): Policy {
  return parsePolicy({})
}

/** Lower-case hex SHA-256 over the canonical JSON (RFC 8785) of the policy as stored. */
export function policyHash(stored: Policy): string {
  const json: JsonValue = JSON.parse(JSON.stringify(stored))
  return createHash('sha256').update(canonicalJson(json)).digest('hex')
}

/** The least number of distinct persons that can satisfy the policy; at least 1. */
export function quorumOf({ gates }: Policy): number {
  return gates.quorum.reduce((sum, rule) => sum + rule.count, 0)
}
