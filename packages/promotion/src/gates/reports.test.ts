import { describe, expect, test } from 'vitest'
import { at, item, report } from './test-report.ts'

// What people read and auditors keep: each gate's whole report, word for word.

describe('persons, tags and time', () => {
  const quorum = [{ count: 1, group: 'qa' }, { count: 2 }]
  const by = (personId: string, ...groups: string[]) => ({ personId, groups, decision: 'approve' as const })

  test('quorum', () => {
    const inputs = { rules: quorum, needed: 3 }
    expect(report({ quorum }, { approvals: [by('a'), by('b'), by('c'), by('a')] })).toEqual({
      gate: 'quorum',
      verdict: 'wait',
      reasons: ['2 of 3 approvals (1 of qa, 2 of anyone; one person counts once)'],
      inputs: { ...inputs, filled: 2, approvers: 3, rejected: 0 },
      until: null,
    })
    expect(report({ quorum }, { approvals: [by('a'), by('b'), by('q', 'qa')] })).toEqual({
      gate: 'quorum',
      verdict: 'pass',
      reasons: [],
      inputs: { ...inputs, filled: 3, approvers: 3, rejected: 0 },
      until: null,
    })
    const approvals = [by('a'), { ...by('q', 'qa'), decision: 'reject' as const }]
    expect(report({ quorum }, { approvals })).toEqual({
      gate: 'quorum',
      verdict: 'block',
      reasons: ['the request was rejected'],
      inputs: { ...inputs, filled: 1, approvers: 1, rejected: 1 },
      until: null,
    })
  })

  test('requester', () => {
    const approvals = [by('rita'), by('paul'), by('rita')]
    expect(report({}, { approvals }, 'requester')).toEqual({
      gate: 'requester',
      verdict: 'block',
      reasons: ['an approval is by the requester'],
      inputs: { requesterPersons: ['rita'] },
      until: null,
    })
    expect(report({ pusher: 'excluded' }, { approvals }, 'requester')).toEqual({
      gate: 'requester',
      verdict: 'block',
      reasons: ['an approval is by the requester', 'an approval is by the pusher'],
      inputs: { requesterPersons: ['rita'], pusherPersons: ['paul'] },
      until: null,
    })
  })

  test('tagRule', () => {
    expect(
      report(
        { tagRule: { patterns: ['release', 'x-*'] } },
        { items: [{ ...item, targetTags: ['1.0.0', 'y'] }] },
      ),
    ).toEqual({
      gate: 'tagRule',
      verdict: 'block',
      reasons: ['the target tag y matches none of release, x-*'],
      inputs: { patterns: ['release', 'x-*'], tags: ['1.0.0', 'y'] },
      until: null,
    })
  })

  test('soak: until the last of those that still must', () => {
    const items = [
      { ...item, source: 'old', pushedAt: at(-9) },
      { ...item, source: 'new', pushedAt: at(-1) },
      { ...item, source: 'newer', pushedAt: at(-0.5) },
    ]
    expect(report({ soak: { minutes: 120 } }, { items })).toEqual({
      gate: 'soak',
      verdict: 'wait',
      reasons: [
        'new has soaked 120 min at 2026-03-10T13:00:00.000Z',
        'newer has soaked 120 min at 2026-03-10T13:30:00.000Z',
      ],
      inputs: {
        minutes: 120,
        pushed: [
          { source: 'old', pushedAt: '2026-03-10T03:00:00.000Z' },
          { source: 'new', pushedAt: '2026-03-10T11:00:00.000Z' },
          { source: 'newer', pushedAt: '2026-03-10T11:30:00.000Z' },
        ],
      },
      until: '2026-03-10T13:30:00.000Z',
    })
    expect(report({ soak: { minutes: 30 } }, { items })).toMatchObject({
      verdict: 'pass',
      reasons: [],
      until: null,
    })
  })

  test('window', () => {
    const window = {
      zone: 'Europe/Berlin',
      open: [{ days: ['wed'], from: '09:00', to: '17:00' }],
      freezes: [{ name: 'audit', from: '2026-03-11', to: '2026-03-11' }],
    }
    expect(report({ window })).toEqual({
      gate: 'window',
      verdict: 'wait',
      reasons: ["outside of the lane's windows (Europe/Berlin)"],
      inputs: { ...window, now: '2026-03-10T12:00:00.000Z' },
      until: '2026-03-18T08:00:00.000Z',
    })
    expect(report({ window }, { now: at(24) })).toEqual({
      gate: 'window',
      verdict: 'wait',
      reasons: ['the freeze "audit" lasts until 2026-03-11 (Europe/Berlin)'],
      inputs: { ...window, now: '2026-03-11T12:00:00.000Z' },
      until: '2026-03-18T08:00:00.000Z',
    })
    expect(report({ window }, { now: new Date('2026-03-18T08:00:00Z') })).toMatchObject({
      verdict: 'pass',
      reasons: [],
      until: null,
    })
  })

  test('predecessor', () => {
    const items = [
      { ...item, source: 'one', reached: ['qa', 'old-qa'] },
      { ...item, source: 'two', reached: ['dev'] },
    ]
    expect(report({ predecessor: { feed: 'qa' } }, { items })).toEqual({
      gate: 'predecessor',
      verdict: 'block',
      reasons: ['two was never promoted into qa'],
      inputs: {
        feed: 'qa',
        reached: [
          { source: 'one', feeds: ['qa', 'old-qa'] },
          { source: 'two', feeds: ['dev'] },
        ],
      },
      until: null,
    })
  })

  test('ticket', () => {
    const ticket = { keys: ['jira', 'snow'], states: ['approved', 'done'] }
    expect(report({ ticket })).toEqual({
      gate: 'ticket',
      verdict: 'wait',
      reasons: ['no ticket was reported by jira or snow'],
      inputs: { ...ticket, tickets: [] },
      until: null,
    })
    const tickets = [
      { ticket: 'A-1', state: 'open', at: at(-3), key: 'jira' },
      { ticket: 'A-1', state: 'approved', at: at(-3), key: 'snow' },
      { ticket: 'A-2', state: 'open', at: at(-2), key: 'jira' },
      { ticket: 'A-3', state: 'approved', at: at(-1), key: 'other' },
    ]
    expect(report({ ticket }, { tickets })).toEqual({
      gate: 'ticket',
      verdict: 'wait',
      reasons: ['A-2 is open; it must be approved or done'],
      inputs: {
        ...ticket,
        tickets: [
          { ticket: 'A-1', state: 'approved', at: '2026-03-10T09:00:00.000Z' },
          { ticket: 'A-2', state: 'open', at: '2026-03-10T10:00:00.000Z' },
        ],
      },
      until: null,
    })
  })
})
