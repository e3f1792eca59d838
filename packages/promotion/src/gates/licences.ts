import { z } from 'zod'
import { matchesTag } from '../tag-rules.ts'
import { type EvidenceRule, evidenceReport, evidenceRule, judge } from './evidence-rule.ts'
import type { GateInput, GateReport } from './gate.ts'
import { deniedBy } from './licence-expression.ts'

export const licenceRule = z.strictObject({
  deny: z
    .array(z.string().regex(/^[\x20-\x7e]{1,128}$/))
    .min(1)
    .max(200),
  unknown: z.enum(['allow', 'deny']).optional(),
  ...evidenceRule,
})
export type LicenceRule = EvidenceRule & {
  /** SPDX ids or names, in any case; `*` stands for any run of characters. */
  readonly deny: readonly string[]
  /** Of packages that name no licence; `allow` unless said. */
  readonly unknown?: 'allow' | 'deny'
}

/** No package of the newest SBOM is under a denied licence. Null: the lane has no such rule. */
export function licencesGate(input: GateInput): GateReport | null {
  const rule = input.policy.gates.licences
  if (rule === undefined) return null
  const patterns = rule.deny.map((pattern) => pattern.toLowerCase())
  const denied = (licence: string): boolean => {
    const name = licence.toLowerCase()
    return patterns.some((pattern) => matchesTag(pattern, name))
  }
  const known = new Map<string, boolean>()
  const closed = (expression: string): boolean => {
    const verdict = known.get(expression) ?? deniedBy(expression, denied)
    known.set(expression, verdict)
    return verdict
  }
  const judged = judge(input, rule, {
    what: 'SBOM',
    of: 'platforms',
    wanted: ({ type }) => type === 'sbom',
    check: ({ summary }) => {
      if (summary.kind !== 'sbom') return ['the SBOM is none']
      return summary.licences
        .filter(({ licence }) => (licence === null ? rule.unknown === 'deny' : closed(licence)))
        .slice(0, 20)
        .map(({ licence, count, packages }) => {
          const rest = count > packages.length ? ` and ${count - packages.length} more` : ''
          return `${licence ?? 'no licence named'}: ${packages.join(', ')}${rest}`
        })
    },
  })
  return evidenceReport('licences', judged, { ...rule })
}
