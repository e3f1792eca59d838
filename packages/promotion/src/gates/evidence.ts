import { z } from 'zod'
import { EVIDENCE_TYPES } from '../evidence/evidence.ts'
import { type EvidenceRule, evidenceReport, evidenceRule, judge } from './evidence-rule.ts'
import type { GateInput, GateReport } from './gate.ts'

/** A type of ours, or the predicate type of an in-toto statement. */
const TYPE = `must be one of ${EVIDENCE_TYPES.join(', ')}, or the URI of a predicate type`
const type = z.union([z.enum(EVIDENCE_TYPES), z.string().regex(/^https?:\/\/[\x21-\x7e]{1,500}$/, TYPE)], {
  error: TYPE,
})
export const evidenceRules = z
  .array(z.strictObject({ type, ...evidenceRule }))
  .min(1)
  .max(20)
export type EvidenceRules = readonly (EvidenceRule & { readonly type: string })[]

/** There is evidence of this type, by somebody who may vouch for it. Null: the lane has no such rule. */
export function evidenceGate(input: GateInput): GateReport | null {
  const rules = input.policy.gates.evidence
  if (rules === undefined) return null
  const judged = rules.flatMap((rule) =>
    judge(input, rule, {
      what: `evidence of type ${rule.type}`,
      of: 'image',
      wanted: (found) => found.type === rule.type || found.predicateType === rule.type,
      check: () => [],
    }),
  )
  return evidenceReport('evidence', judged, { rules })
}
