import type { QuorumRule } from '../policy.ts'
import type { GateInput, GateReport, StandingApproval } from './gate.ts'

/** Enough distinct persons approved, each counted once; one rejection blocks. */
export function quorumGate({ policy, approvals }: GateInput): GateReport {
  const rules = policy.gates.quorum
  const rejected = approvals.filter(({ decision }) => decision === 'reject').length
  const approvers = distinct(approvals.filter(({ decision }) => decision === 'approve'))
  const needed = rules.reduce((sum, { count }) => sum + count, 0)
  const filled = seatsFilled(rules, approvers)
  const inputs = { rules, needed, filled, approvers: approvers.length, rejected }
  const report = { gate: 'quorum', inputs, until: null } as const
  if (rejected > 0) return { ...report, verdict: 'block', reasons: ['the request was rejected'] }
  if (filled >= needed) return { ...report, verdict: 'pass', reasons: [] }
  return {
    ...report,
    verdict: 'wait',
    reasons: [`${filled} of ${needed} approvals (${rules.map(said).join(', ')}; one person counts once)`],
  }
}

function said({ count, group }: QuorumRule): string {
  return group === undefined ? `${count} of anyone` : `${count} of ${group}`
}

function distinct(approvals: readonly StandingApproval[]): StandingApproval[] {
  return [...new Map(approvals.map((approval) => [approval.personId, approval])).values()]
}

/**
 * The most seats that these persons can fill, one each: a matching by augmenting paths. A person of
 * two groups moves to the other seat when somebody else can only take the first.
 */
export function seatsFilled(rules: readonly QuorumRule[], persons: readonly StandingApproval[]): number {
  const seats = rules.flatMap((rule) => Array.from({ length: rule.count }, () => rule.group))
  const sitting = new Map<number, StandingApproval>()
  const place = (person: StandingApproval, tried: Set<number>): boolean => {
    for (const [seat, group] of seats.entries()) {
      if (tried.has(seat) || (group !== undefined && !person.groups.includes(group))) continue
      tried.add(seat)
      const other = sitting.get(seat)
      if (other === undefined || place(other, tried)) {
        sitting.set(seat, person)
        return true
      }
    }
    return false
  }
  for (const person of persons) place(person, new Set())
  return sitting.size
}
