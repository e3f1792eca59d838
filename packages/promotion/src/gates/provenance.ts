import { z } from 'zod'
import { matchesTag } from '../tag-rules.ts'
import { type EvidenceRule, evidenceReport, evidenceRule, judge } from './evidence-rule.ts'
import type { GateInput, GateReport } from './gate.ts'

export const provenanceRule = z.strictObject({
  builders: z
    .array(z.string().regex(/^[\x21-\x7e]{1,512}$/))
    .min(1)
    .max(50),
  ...evidenceRule,
})
export type ProvenanceRule = EvidenceRule & {
  /** Builder ids; `*` stands for any run of characters. */
  readonly builders: readonly string[]
}

/** It was built by a builder that the lane trusts. Null: the lane has no such rule. */
export function provenanceGate(input: GateInput): GateReport | null {
  const rule = input.policy.gates.provenance
  if (rule === undefined) return null
  const { builders } = rule
  const judged = judge(input, rule, {
    what: 'provenance',
    of: 'image',
    wanted: ({ type }) => type === 'provenance',
    check: ({ summary }) => {
      const builder = summary.kind === 'provenance' ? summary.builder : null
      if (builder !== null && builders.some((pattern) => matchesTag(pattern, builder))) return []
      return [`the builder ${builder} is none of ${builders.join(', ')}`]
    },
  })
  return evidenceReport('provenance', judged, { ...rule })
}
