import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { type Evidence, evaluateGates, type GateItem, type TicketState } from '../index.ts'
import { inputOf, itemOf } from '../test-input.ts'

export const now = new Date('2026-03-10T12:00:00Z')
export const hoursAgo = (hours: number) => new Date(now.getTime() - hours * 3_600_000)
const ROOT = 'sha256:root'
export const AMD = 'sha256:amd'
export const ARM = 'sha256:arm'

const pem = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString()
const keys = { ci: pem, qa: pem }

let serial = 0
export function fact(over: Partial<Evidence> & Pick<Evidence, 'summary'>): Evidence {
  const id = String(++serial).padStart(6, '0')
  const { kind } = over.summary
  return {
    id,
    subject: ROOT,
    type: kind === 'unreadable' ? 'test' : kind,
    predicateType: null,
    contentDigest: `sha256:${id}`,
    claimedAt: null,
    receivedAt: hoursAgo(1),
    from: ['key:ci'],
    ...over,
  }
}

export const unreadable = (type: Evidence['type'], over: Partial<Evidence> = {}) =>
  fact({ type, summary: { kind: 'unreadable', reason: 'broken' }, ...over })

export const plain = itemOf('app@sha256:root', ROOT, hoursAgo(48))
export const index: GateItem = {
  ...plain,
  platforms: [
    { platform: 'linux/amd64', digest: AMD },
    { platform: 'linux/arm64', digest: ARM },
  ],
}

export function judge(gate: string, gates: object, items: GateItem[], tickets: TicketState[] = []) {
  const nobody = { requesterPersons: [], pusherPersons: [] }
  const input = inputOf({ gates, keys }, { ...nobody, now, items, tickets })
  return evaluateGates(input).find((report) => report.gate === gate)
}

export const withEvidence = (item: GateItem, ...evidence: Evidence[]): GateItem => ({ ...item, evidence })
export const from = ['key:ci']

type Row = [name: string, rule: unknown, item: GateItem, verdict: 'pass' | 'block' | 'wait', says?: string]
export function table(gate: string, rows: Row[]) {
  describe(`the gate ${gate}`, () => {
    test.each(rows)('%s', (_, rule, item, verdict, says) => {
      const report = judge(gate, { [gate]: rule }, [item])
      expect(report).toMatchObject({ verdict })
      expect(report?.reasons.length === 0).toBe(verdict === 'pass')
      expect(report?.reasons.join()).toContain(says ?? '')
    })
  })
}
