import { matchesTag } from '../tag-rules.ts'
import type { GateInput, GateReport } from './gate.ts'

/** Every target tag matches one of the lane's patterns. Null: the lane has no such rule. */
export function tagRuleGate({ policy, items }: GateInput): GateReport | null {
  const patterns = policy.gates.tagRule?.patterns
  if (patterns === undefined) return null
  const tags = items.flatMap(({ targetTags }) => targetTags)
  const refused = tags.filter((tag) => !patterns.some((pattern) => matchesTag(pattern, tag)))
  return {
    gate: 'tagRule',
    verdict: refused.length === 0 ? 'pass' : 'block',
    reasons: refused.map((tag) => `the target tag ${tag} matches none of ${patterns.join(', ')}`),
    inputs: { patterns, tags },
    until: null,
  }
}
