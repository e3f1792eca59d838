import { z } from 'zod'
import type { GateInput, GateReport } from './gate.ts'

export const predecessorRule = z.strictObject({
  feed: z.string().regex(/^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/),
})

/** The very digest was promoted into another feed before. Null: the lane has no such rule. */
export function predecessorGate({ policy, items }: GateInput): GateReport | null {
  const feed = policy.gates.predecessor?.feed
  if (feed === undefined) return null
  const lacking = items.filter(({ reached }) => !reached.includes(feed))
  return {
    gate: 'predecessor',
    verdict: lacking.length === 0 ? 'pass' : 'block',
    reasons: lacking.map(({ source }) => `${source} was never promoted into ${feed}`),
    inputs: { feed, reached: items.map(({ source, reached }) => ({ source, feeds: reached })) },
    until: null,
  }
}
