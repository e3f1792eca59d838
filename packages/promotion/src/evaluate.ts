import type { GateInput, GateReport } from './gates/gate.ts'
import { quorumGate } from './gates/quorum.ts'
import { requesterGate } from './gates/requester.ts'
import { soakGate } from './gates/soak.ts'
import { tagRuleGate } from './gates/tag-rule.ts'

const GATES: readonly ((input: GateInput) => GateReport | null)[] = [
  quorumGate,
  requesterGate,
  tagRuleGate,
  soakGate,
]

/** Every gate that the policy has, with its verdict, reasons and inputs. */
export function evaluateGates(input: GateInput): GateReport[] {
  return GATES.flatMap((gate) => gate(input) ?? [])
}

/** The gates that refuse, in words; empty when none does. */
export function blockedBy(reports: readonly GateReport[]): readonly GateReport[] {
  return reports.filter(({ verdict }) => verdict === 'block')
}

/** `gate: reason; …` for a message. */
export function reasonsOf(reports: readonly GateReport[]): string {
  return reports.map(({ gate, reasons }) => `${gate}: ${reasons.join(', ')}`).join('; ')
}
