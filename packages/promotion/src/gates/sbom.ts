import { z } from 'zod'
import { type EvidenceRule, evidenceReport, evidenceRule, judge } from './evidence-rule.ts'
import type { GateInput, GateReport } from './gate.ts'

export const sbomRule = z.strictObject(evidenceRule)

/** There is a bill of materials, with at least one package. Null: the lane has no such rule. */
export function sbomGate(input: GateInput): GateReport | null {
  const rule: EvidenceRule | undefined = input.policy.gates.sbom
  if (rule === undefined) return null
  const judged = judge(input, rule, {
    what: 'SBOM',
    of: 'platforms',
    wanted: ({ type }) => type === 'sbom',
    check: () => [],
  })
  return evidenceReport('sbom', judged, { ...rule })
}
