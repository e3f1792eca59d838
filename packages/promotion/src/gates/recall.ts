import type { GateInput, GateReport } from './gate.ts'

/** Nothing that was withdrawn from the target feed, or from one before it, is let in again. Null: nothing was. */
export function recallGate({ recalls }: GateInput): GateReport | null {
  if (recalls.length === 0) return null
  return {
    gate: 'recall',
    verdict: 'block',
    reasons: recalls.map(
      ({ source, digest, feed, reason }) => `${source}: ${digest} was recalled from ${feed}: ${reason}`,
    ),
    inputs: { recalls },
    until: null,
  }
}
