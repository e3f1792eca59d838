import type { GateInput, GateReport } from './gate.ts'

/** Why this person's approval cannot count; null when it can. */
export function excludedAs(input: GateInput, personId: string): 'requester' | 'pusher' | null {
  if (input.requesterPersons.includes(personId)) return 'requester'
  if (input.policy.gates.pusher === 'excluded' && input.pusherPersons.includes(personId)) return 'pusher'
  return null
}

/** No approval is by the requester, whoever that is; nor by a pusher where the lane says so. */
export function requesterGate(input: GateInput): GateReport {
  const { policy, requesterPersons, pusherPersons, approvals } = input
  const found = approvals
    .filter(({ decision }) => decision === 'approve')
    .flatMap(({ personId }) => excludedAs(input, personId) ?? [])
  const pusherExcluded = policy.gates.pusher === 'excluded'
  return {
    gate: 'requester',
    verdict: found.length === 0 ? 'pass' : 'block',
    reasons: [...new Set(found)].map((who) => `an approval is by the ${who}`),
    inputs: { requesterPersons, ...(pusherExcluded && { pusherPersons }) },
    until: null,
  }
}
