import { z } from 'zod'
import type { GateInput, GateReport, TicketState } from './gate.ts'

const name = z.string().regex(/^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/)

export const ticketRule = z.strictObject({
  keys: z.array(name).min(1).max(10),
  states: z.array(z.string().min(1).max(64)).min(1).max(10).default(['approved']),
})
export type TicketRule = {
  /** Names of the keys that callbacks are signed with. */
  readonly keys: readonly string[]
  /** The states in which a ticket lets pass. */
  readonly states: readonly string[]
}

/** The ticket system called back, and every ticket of the request is as it must be. Null: no such rule. */
export function ticketGate({ policy, tickets }: GateInput): GateReport | null {
  const rule = policy.gates.ticket
  if (rule === undefined) return null
  const latest = new Map<string, TicketState>()
  for (const said of tickets) {
    const known = latest.get(said.ticket)
    if (rule.keys.includes(said.key) && (known === undefined || known.at.getTime() <= said.at.getTime())) {
      latest.set(said.ticket, said)
    }
  }
  const now = [...latest.values()].map(({ ticket, state, at }) => ({ ticket, state, at: at.toISOString() }))
  const open = now.filter(({ state }) => !rule.states.includes(state))
  const reasons =
    now.length === 0
      ? [`no ticket was reported by ${rule.keys.join(' or ')}`]
      : open.map(({ ticket, state }) => `${ticket} is ${state}; it must be ${rule.states.join(' or ')}`)
  return {
    gate: 'ticket',
    verdict: reasons.length === 0 ? 'pass' : 'wait',
    reasons,
    inputs: { ...rule, tickets: now },
    until: null,
  }
}
