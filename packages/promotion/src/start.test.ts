import { describe, expect, test } from 'vitest'
import { decideStart, type StartInput } from './index.ts'
import { digest, gate, later, now, other } from './test-refusal.ts'

describe('start', () => {
  const input = (over: Partial<StartInput> = {}): StartInput => ({
    request: { state: 'APPROVED', expiresAt: later },
    now,
    bindingHolds: true,
    gates: [],
    targets: [{ repository: 'app', tag: '1.0.0', digest, current: null, expected: null }],
    tagRules: {},
    ...over,
  })
  const soon = gate('soak', 'wait', { until: '2026-03-10T12:30:00.000Z', reasons: ['soon'] })
  const late = gate('window', 'wait', { until: '2026-03-10T12:45:00.000Z', reasons: ['late'] })
  const target = (over: object) => ({
    targets: [{ repository: 'app', tag: '1.0.0', digest, current: null, expected: null, ...over }],
  })
  const refuse = (code: string, message: string) => ({ verdict: 'refuse', code, message })
  test.each<[string, Partial<StartInput>, object]>([
    ['all is well', {}, { verdict: 'run' }],
    ['it is there already', target({ current: digest, expected: other }), { verdict: 'run' }],
    ['the tag is where it was', target({ current: other, expected: other }), { verdict: 'run' }],
    [
      'not approved',
      { request: { state: 'PENDING', expiresAt: later } },
      refuse('request_state', 'the request is PENDING'),
    ],
    [
      'too late',
      { request: { state: 'APPROVED', expiresAt: now } },
      refuse('request_expired', 'the request expired at 2026-03-10T12:00:00.000Z'),
    ],
    [
      'something else than was approved',
      { bindingHolds: false },
      refuse('binding_mismatch', 'the request is not what was approved'),
    ],
    [
      'a gate that blocks',
      { gates: [gate('quorum', 'wait'), gate('tests', 'block')] },
      refuse('gate_refused', 'tests: tests says block, and more'),
    ],
    [
      'approvals that are missing',
      { gates: [gate('quorum', 'wait'), soon] },
      refuse('quorum_missing', 'quorum: quorum says wait, and more'),
    ],
    [
      'approvals and a ticket that are missing',
      { gates: [gate('quorum', 'wait', { reasons: ['q'] }), gate('ticket', 'wait', { reasons: ['t'] })] },
      refuse('gate_refused', 'quorum: q; ticket: t'),
    ],
    [
      'time',
      { gates: [late, soon, gate('tests', 'pass')] },
      { verdict: 'wait', until: new Date('2026-03-10T12:45:00.000Z'), why: 'window: late; soak: soon' },
    ],
    [
      'a tag that moved, whatever time it is',
      { ...target({ current: other }), gates: [soon] },
      refuse('target_moved', `app:1.0.0 points at ${other}; when the request was made it pointed at nothing`),
    ],
    [
      'a tag that is gone',
      target({ expected: other }),
      refuse('target_moved', `app:1.0.0 points at nothing; when the request was made it pointed at ${other}`),
    ],
    [
      'a tag that the feed no longer takes',
      { ...target({ tag: 'main' }), tagRules: { versions: true } },
      refuse(
        'tag_not_permitted',
        'app: the tag main is neither a release nor permitted here; tags may be release tags (X.Y.Z or X.Y.Z-pre)',
      ),
    ],
    [
      'a tag that stays by now',
      { ...target({ current: other, expected: other }), tagRules: { immutable: ['1.*'] } },
      refuse('tag_exists', `app:1.0.0 is ${other} and immutable (1.*)`),
    ],
  ])('%s', (_, over, start) => {
    expect(decideStart(input(over))).toEqual(start)
  })
})
