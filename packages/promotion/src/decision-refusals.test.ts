import { describe, expect, test } from 'vitest'
import {
  type DecisionInput,
  decideApproval,
  decideCancel,
  decideRetry,
  decideRevoke,
  type PromotionState,
} from './index.ts'
import { inputOf, itemOf } from './test-input.ts'
import { digest, later, now, other, refusal } from './test-refusal.ts'

// What a person is told when a rule says no: the code, the words, and what a client gets beside them.

describe('approval', () => {
  const input = (
    over: Partial<DecisionInput> = {},
    gates: object = {},
    facts: object = {},
  ): DecisionInput => ({
    request: { state: 'PENDING', expiresAt: later, pinned: digest },
    decider: { kind: 'person', personId: 'anna', groups: [] },
    decision: 'approve',
    digest,
    comment: null,
    gates: inputOf({ gates }, { now, items: [itemOf('app', digest, now)], ...facts }),
    ...over,
  })
  const person = (personId: string | null, kind: 'person' | 'robot' = 'person') => ({
    decider: { kind, personId, groups: [] },
  })
  const stands = (personId: string) => ({
    approvals: [{ personId, groups: [], decision: 'approve' as const }],
  })

  test.each<[string, DecisionInput, string, string]>([
    [
      'a robot',
      input(person('anna', 'robot')),
      'robot_cannot_approve',
      'only persons decide; a robot may request and watch',
    ],
    [
      'nobody',
      input(person(null)),
      'robot_cannot_approve',
      'only persons decide; a robot may request and watch',
    ],
    [
      'a request that is over',
      input({ request: { state: 'CANCELLED', expiresAt: later, pinned: digest } }),
      'request_state',
      'the request is CANCELLED; only PENDING takes decisions',
    ],
    [
      'a request that expired',
      input({ request: { state: 'PENDING', expiresAt: now, pinned: digest } }),
      'request_expired',
      'the request expired at 2026-03-10T12:00:00.000Z; make a new one',
    ],
    [
      'a request that was found expired',
      input({ request: { state: 'EXPIRED', expiresAt: later, pinned: digest } }),
      'request_expired',
      'the request expired at 2026-03-10T13:00:00.000Z; make a new one',
    ],
    [
      'a request that is over, and past its time',
      input({ request: { state: 'REJECTED', expiresAt: now, pinned: digest } }),
      'request_state',
      'the request is REJECTED; only PENDING takes decisions',
    ],
    [
      'another digest',
      input({ digest: other }),
      'digest_mismatch',
      `the request pins ${digest}; decide on that digest, or ask for another request`,
    ],
    [
      'a rejection without a reason',
      input({ decision: 'reject', comment: ' \n' }),
      'invalid',
      'a rejection needs a comment: say what must change',
    ],
    [
      'a rejection with none at all',
      input({ decision: 'reject' }),
      'invalid',
      'a rejection needs a comment: say what must change',
    ],
    [
      'a second decision',
      input({}, {}, stands('anna')),
      'already_decided',
      'this person has decided; revoke that decision first',
    ],
    [
      'the requester',
      input(person('rita')),
      'self_approval',
      'the requester of this request cannot approve it',
    ],
    [
      'the pusher, where the lane says so',
      input(person('paul'), { pusher: 'excluded' }),
      'self_approval',
      'the pusher of this request cannot approve it',
    ],
    [
      'a gate that refuses',
      input({}, { predecessor: { feed: 'qa' } }),
      'gate_refused',
      'predecessor: app was never promoted into qa',
    ],
    [
      'the last approval of what somebody else must still open',
      input({}, { ticket: { keys: ['jira'] } }),
      'gate_refused',
      'ticket: no ticket was reported by jira',
    ],
  ])('%s', (_, asked, code, message) => {
    expect(refusal(() => decideApproval(asked))).toMatchObject({ code, message })
  })

  test('what a client gets beside the words', () => {
    expect(refusal(() => decideApproval(input({ digest: other })))).toMatchObject({
      detail: { pinned: digest, given: other },
    })
    expect(refusal(() => decideApproval(input({ decision: 'reject' })))).toMatchObject({
      issues: [
        { field: 'comment', rule: 'required', message: 'a rejection needs a comment: say what must change' },
      ],
    })
    expect(refusal(() => decideApproval(input({}, { predecessor: { feed: 'qa' } })))).toMatchObject({
      detail: { gates: [{ gate: 'predecessor', verdict: 'block' }] },
    })
  })

  test('what counts: an approval, the last one, one of what is not open yet, a rejection by the requester', () => {
    const two = { quorum: [{ count: 2 }] }
    expect(decideApproval(input({}, two))).toMatchObject({ personId: 'anna', next: 'PENDING' })
    expect(decideApproval(input({}, two, stands('otto'))).next).toBe('APPROVED')
    expect(decideApproval(input(person('paul'))).next).toBe('APPROVED')
    // Somebody else may still be asked: only the approval that would queue it waits for the ticket.
    expect(decideApproval(input({}, { ...two, ticket: { keys: ['jira'] } })).next).toBe('PENDING')
    // Time opens these.
    expect(decideApproval(input({}, { soak: { minutes: 60 } })).next).toBe('APPROVED')
    const rejected = decideApproval(input({ ...person('rita'), decision: 'reject', comment: 'no' }))
    expect(rejected.next).toBe('REJECTED')
    expect(rejected.gates.find(({ gate: name }) => name === 'quorum')?.verdict).toBe('block')
  })
})

describe('cancel, revoke, retry', () => {
  const at = (state: PromotionState) => ({ state, intended: false })
  test.each<[() => unknown, string, string]>([
    [
      () => decideCancel('APPROVED', at('SUCCEEDED')),
      'already_committing',
      'the promotion is done; the request can no longer be cancelled',
    ],
    [
      () => decideRevoke('APPROVED', at('SUCCEEDED')),
      'already_committing',
      'the promotion is done; the request can no longer lose an approval',
    ],
    [
      () => decideCancel('APPROVED', at('FAILED')),
      'promotion_state',
      'the promotion has FAILED; there is nothing left to stop',
    ],
    [
      () => decideCancel('REJECTED', null),
      'request_state',
      'the request is REJECTED and cannot be cancelled',
    ],
    [
      () => decideRevoke('CANCELLED', at('CANCELLED')),
      'request_state',
      'the request is CANCELLED and cannot lose an approval',
    ],
    [
      () => decideRetry({ state: 'APPROVED', expiresAt: later }, at('FAILED'), now),
      'promotion_state',
      'only an ERRORED promotion is retried; it is FAILED',
    ],
    [
      () => decideRetry({ state: 'CANCELLED', expiresAt: later }, at('ERRORED'), now),
      'request_state',
      'the request is CANCELLED; only APPROVED is executed',
    ],
    [
      () => decideRetry({ state: 'APPROVED', expiresAt: now }, at('ERRORED'), now),
      'request_expired',
      'the request expired at 2026-03-10T12:00:00.000Z; make a new one',
    ],
  ])('%s', (decide, code, message) => {
    expect(refusal(decide)).toEqual({ code, message, issues: [] })
  })

  test('what ends with them', () => {
    expect(decideCancel('PENDING', null)).toEqual({ cancelPromotion: false })
    expect(decideCancel('PENDING', at('CANCELLED'))).toEqual({ cancelPromotion: false })
    for (const state of ['QUEUED', 'RUNNING', 'ERRORED'] as const) {
      expect(decideCancel('APPROVED', at(state))).toEqual({ cancelPromotion: true })
      expect(decideRevoke('APPROVED', at(state))).toEqual({ cancelPromotion: true, reopen: true })
    }
    expect(decideRevoke('PENDING', null)).toEqual({ cancelPromotion: false, reopen: false })
    expect(decideRetry({ state: 'APPROVED', expiresAt: later }, at('ERRORED'), now)).toBeUndefined()
  })
})
