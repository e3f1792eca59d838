import {
  type Evidence,
  evaluateGates,
  type GateInput,
  type GateItem,
  type GateReport,
  parsePolicy,
} from '../index.ts'

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

export const item: GateItem = {
  source: 'app@sha256:a',
  digest: 'sha256:a',
  platforms: [{ platform: null, digest: 'sha256:a' }],
  targetTags: ['1.0.0'],
  pushedAt: at(-2),
  evidence: [],
  unread: [],
  reached: [],
}

export function report(
  gates: object,
  over: Partial<GateInput> = {},
  gate = Object.keys(gates)[0],
): GateReport {
  const input: GateInput = {
    policy: parsePolicy({ gates }),
    now,
    kind: 'promote',
    recalls: [],
    requesterPersons: ['rita'],
    pusherPersons: ['paul'],
    approvals: [],
    tickets: [],
    items: [item],
    ...over,
  }
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
