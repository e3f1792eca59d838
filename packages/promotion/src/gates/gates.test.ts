import { describe, expect, test } from 'vitest'
import { evaluateGates, type GateInput, type StandingApproval } from '../index.ts'
import { inputOf, itemOf } from '../test-input.ts'

const now = new Date('2026-03-01T12:00:00Z')

function input(gates: object, over: Partial<GateInput> = {}): GateInput {
  const items = [itemOf('app@sha256:aa', 'sha256:aa', new Date('2026-03-01T11:00:00Z'))]
  return inputOf({ gates }, { now, items, ...over })
}

function by(personId: string, ...groups: string[]): StandingApproval {
  return { personId, groups, decision: 'approve' }
}

function verdictOf(gate: string, given: GateInput) {
  return evaluateGates(given).find((report) => report.gate === gate)
}

describe('quorum', () => {
  const two = [{ count: 2 }]
  const mixed = [{ count: 1, group: 'qa' }, { count: 1 }]
  test.each([
    ['nobody yet', two, [], 'wait'],
    ['one of two', two, [by('a')], 'wait'],
    ['one person twice counts once', two, [by('a'), by('a')], 'wait'],
    ['two persons', two, [by('a'), by('b')], 'pass'],
    ['the group is missing', mixed, [by('a'), by('b')], 'wait'],
    ['one member fills one seat only', mixed, [by('q', 'qa')], 'wait'],
    ['a member and another', mixed, [by('q', 'qa'), by('b')], 'pass'],
    ['in either order', mixed, [by('b'), by('q', 'qa')], 'pass'],
    [
      'a person of both groups makes room',
      [
        { count: 1, group: 'x' },
        { count: 1, group: 'y' },
      ],
      [by('a', 'x', 'y'), by('b', 'x')],
      'pass',
    ],
    [
      'a rejection blocks',
      two,
      [by('a'), by('b'), { personId: 'c', groups: [], decision: 'reject' as const }],
      'block',
    ],
  ])('%s', (_, quorum, approvals, verdict) => {
    expect(verdictOf('quorum', input({ quorum }, { approvals }))).toMatchObject({ verdict, until: null })
  })
})

describe('requester', () => {
  test.each([
    ['somebody else', {}, [by('a')], 'pass'],
    ['the requester', {}, [by('rita')], 'block'],
    ['a pusher, where the lane does not care', {}, [by('paul')], 'pass'],
    ['a pusher, where it does', { pusher: 'excluded' }, [by('paul')], 'block'],
    ['the requester rejects', {}, [{ ...by('rita'), decision: 'reject' as const }], 'pass'],
  ])('%s', (_, gates, approvals, verdict) => {
    expect(verdictOf('requester', input(gates, { approvals }))).toMatchObject({ verdict })
  })
})

test('tagRule: every target tag matches, or is named', () => {
  const gates = { tagRule: { patterns: ['release', 'next-*'] } }
  const items = input({}).items
  expect(verdictOf('tagRule', input(gates))).toMatchObject({ verdict: 'pass', reasons: [] })
  const other = items.map((item) => ({ ...item, targetTags: ['1.0.0', 'next-2', 'latest'] }))
  const report = verdictOf('tagRule', input(gates, { items: other }))
  expect(report?.verdict).toBe('block')
  expect(report?.reasons).toHaveLength(1)
  expect(report?.inputs).toEqual({ patterns: ['release', 'next-*'], tags: ['1.0.0', 'next-2', 'latest'] })
})

test.each([
  [60, 'pass', null],
  [61, 'wait', '2026-03-01T12:01:00.000Z'],
])('soak of %i minutes after one hour: %s', (minutes, verdict, until) => {
  expect(verdictOf('soak', input({ soak: { minutes } }))).toMatchObject({ verdict, until })
})

test('a recall blocks what is promoted or rolled back, and is what a restore undoes', () => {
  const recalls = [{ source: 'app@sha256:aa', digest: 'sha256:bb', feed: 'trusted', reason: 'CVE-1' }]
  for (const kind of ['promote', 'rollback'] as const) {
    const report = verdictOf('recall', input({}, { kind, recalls }))
    expect(report).toMatchObject({ verdict: 'block', inputs: { recalls } })
    expect(report?.reasons).toEqual(['app@sha256:aa: sha256:bb was recalled from trusted: CVE-1'])
  }
  expect(verdictOf('recall', input({}, { kind: 'restore', recalls }))).toBeUndefined()
  expect(verdictOf('recall', input({}))).toBeUndefined()
})

test('breaking the glass asks for nothing but that nothing is recalled', () => {
  const recalls = [{ source: 's', digest: 'd', feed: 'f', reason: 'r' }]
  const all = { tagRule: { patterns: ['none'] }, soak: { minutes: 9999 } }
  expect(evaluateGates(input(all, { kind: 'break-glass' }))).toEqual([])
  expect(evaluateGates(input(all, { kind: 'break-glass', recalls }))).toMatchObject([
    { gate: 'recall', verdict: 'block' },
  ])
})

test.each(['rollback', 'restore'] as const)('a %s asks who decides, and nothing of the image', (kind) => {
  const gates = { tagRule: { patterns: ['none'] }, soak: { minutes: 9999 } }
  expect(evaluateGates(input(gates, { kind })).map(({ gate }) => gate)).toEqual(['quorum', 'requester'])
})

test('gates that the policy does not have are not reported', () => {
  expect(evaluateGates(input({})).map(({ gate }) => gate)).toEqual(['quorum', 'requester'])
  const all = { tagRule: { patterns: ['*'] }, soak: { minutes: 1 } }
  expect(evaluateGates(input(all)).map(({ gate }) => gate)).toEqual([
    'quorum',
    'requester',
    'tagRule',
    'soak',
  ])
})
