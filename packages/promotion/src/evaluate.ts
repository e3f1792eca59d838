import { evidenceGate } from './gates/evidence.ts'
import type { GateInput, GateReport } from './gates/gate.ts'
import { licencesGate } from './gates/licences.ts'
import { predecessorGate } from './gates/predecessor.ts'
import { provenanceGate } from './gates/provenance.ts'
import { quorumGate } from './gates/quorum.ts'
import { recallGate } from './gates/recall.ts'
import { requesterGate } from './gates/requester.ts'
import { sbomGate } from './gates/sbom.ts'
import { signaturesGate } from './gates/signatures.ts'
import { soakGate } from './gates/soak.ts'
import { tagRuleGate } from './gates/tag-rule.ts'
import { testsGate } from './gates/tests.ts'
import { ticketGate } from './gates/ticket.ts'
import { vulnerabilitiesGate } from './gates/vulnerabilities.ts'
import { windowGate } from './gates/window.ts'
import type { RequestKind } from './states.ts'

const GATES: readonly ((input: GateInput) => GateReport | null)[] = [
  quorumGate,
  requesterGate,
  tagRuleGate,
  soakGate,
  windowGate,
  predecessorGate,
  evidenceGate,
  testsGate,
  provenanceGate,
  sbomGate,
  licencesGate,
  vulnerabilitiesGate,
  signaturesGate,
  ticketGate,
  recallGate,
]

/** What leads back was tested when it first came: only who decides, and what is withdrawn, is asked again. */
const OF_KIND: Readonly<Record<RequestKind, typeof GATES>> = {
  promote: GATES,
  rollback: [quorumGate, requesterGate, recallGate],
  restore: [quorumGate, requesterGate],
  'break-glass': [recallGate],
}

/** Every gate that the policy has for this kind of request, with its verdict, reasons and inputs. */
export function evaluateGates(input: GateInput): GateReport[] {
  return OF_KIND[input.kind].flatMap((gate) => gate(input) ?? [])
}

/** The gates that refuse, in words; empty when none does. */
export function blockedBy(reports: readonly GateReport[]): readonly GateReport[] {
  return reports.filter(({ verdict }) => verdict === 'block')
}

/** The gates that something other than time must open; the quorum is opened by approvals. */
export function stuckOn(reports: readonly GateReport[]): readonly GateReport[] {
  return reports.filter(
    ({ gate, verdict, until }) => verdict === 'wait' && until === null && gate !== 'quorum',
  )
}

/** `gate: reason; …` for a message. */
export function reasonsOf(reports: readonly GateReport[]): string {
  return reports.map(({ gate, reasons }) => `${gate}: ${reasons.join(', ')}`).join('; ')
}
