import type { Evidence } from './evidence/evidence.ts'
import type { EvidenceRule } from './gates/evidence-rule.ts'
import type { Policy } from './policy.ts'

/**
 * Does a rule of the lane ask for this evidence, by its type and by who vouches for it? What carries such evidence
 * beside an image is promoted with it (DESIGN section 2, closure).
 */
export function isRequired(
  { gates }: Policy,
  { type, predicateType, from }: Pick<Evidence, 'type' | 'predicateType' | 'from'>,
): boolean {
  const { evidence = [], tests = [], signatures = [], vulnerabilities } = gates
  const asked: readonly (readonly [string, Pick<EvidenceRule, 'from'> | undefined])[] = [
    ...evidence.map((rule) => [rule.type, rule] as const),
    ...tests.map((rule) => ['test', rule] as const),
    ...signatures.map((rule) => ['signature', rule] as const),
    ['provenance', gates.provenance],
    ['sbom', gates.sbom],
    ['sbom', gates.licences],
    ['vulnerabilities', vulnerabilities],
    ['vex', vulnerabilities?.vex],
  ]
  return asked.some(
    ([wanted, rule]) =>
      (wanted === type || wanted === predicateType) &&
      rule?.from.some((source) => from.includes(source)) === true,
  )
}
