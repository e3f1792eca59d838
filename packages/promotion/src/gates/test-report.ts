import { type Evidence, evaluateGates, type GateInput, type GateReport } from '../index.ts'
import { inputOf, itemOf } from '../test-input.ts'

export const now = new Date('2026-03-10T12:00:00.000Z')
export const at = (hours: number) => new Date(now.getTime() + hours * 3_600_000)
export const robot = ['robot:ci']
export const two = ['robot:ci', 'user:anna']

let serial = 0
export function fact(summary: Evidence['summary'], over: Partial<Evidence> = {}): Evidence {
  const id = `e${++serial}`
  return {
    id,
    subject: 'sha256:a',
    type: summary.kind === 'unreadable' ? 'test' : summary.kind,
    predicateType: null,
    contentDigest: id,
    claimedAt: null,
    receivedAt: at(-1),
    from: robot,
    summary,
    ...over,
  }
}

export const item = itemOf('app@sha256:a', 'sha256:a', at(-2))

export function report(
  gates: object,
  over: Partial<GateInput> = {},
  gate = Object.keys(gates)[0],
): GateReport {
  const input = inputOf({ gates }, { now, items: [item], ...over })
  const found = evaluateGates(input).find((one) => one.gate === gate)
  if (found === undefined) throw new Error(`no report of ${gate}`)
  return found
}

export const holding = (...evidence: Evidence[]) => ({ items: [{ ...item, evidence }] })
export const subject = (evidence: string | null, verdict = 'block') => ({
  source: 'app@sha256:a',
  platform: null,
  digest: 'sha256:a',
  evidence,
  verdict,
})
