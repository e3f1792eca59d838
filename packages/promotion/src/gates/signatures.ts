import { z } from 'zod'
import { type EvidenceRule, evidenceReport, evidenceRule, judge, sources } from './evidence-rule.ts'
import type { GateInput, GateReport } from './gate.ts'

export const signatureRules = z
  .array(
    z.strictObject({
      ...evidenceRule,
      from: sources.refine((from) => from.every((source) => /^(?:key|identity):/.test(source)), {
        message: 'a signature is by a key or an identity: key:NAME, identity:NAME',
      }),
    }),
  )
  .min(1)
  .max(20)

/** Of every rule, one of its keys or identities signed the image. Null: the lane has no such rule. */
export function signaturesGate(input: GateInput): GateReport | null {
  const rules: readonly EvidenceRule[] | undefined = input.policy.gates.signatures
  if (rules === undefined) return null
  const judged = rules.flatMap((rule) =>
    judge(input, rule, {
      what: 'signature',
      of: 'image',
      wanted: ({ type }) => type === 'signature',
      check: () => [],
    }),
  )
  return evidenceReport('signatures', judged, { rules })
}
