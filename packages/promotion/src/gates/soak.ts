import type { GateInput, GateReport } from './gate.ts'

/** Every digest has been in the from feed long enough. Null: the lane has no such rule. */
export function soakGate({ policy, items, now }: GateInput): GateReport | null {
  const minutes = policy.gates.soak?.minutes
  if (minutes === undefined) return null
  const ends = items.map(({ source, pushedAt }) => ({
    source,
    pushedAt: pushedAt.toISOString(),
    end: pushedAt.getTime() + minutes * 60_000,
  }))
  const open = ends.filter(({ end }) => end > now.getTime())
  const last = Math.max(...open.map(({ end }) => end))
  return {
    gate: 'soak',
    verdict: open.length === 0 ? 'pass' : 'wait',
    reasons: open.map(
      ({ source, end }) => `${source} has soaked ${minutes} min at ${new Date(end).toISOString()}`,
    ),
    inputs: { minutes, pushed: ends.map(({ source, pushedAt }) => ({ source, pushedAt })) },
    until: open.length === 0 ? null : new Date(last).toISOString(),
  }
}
