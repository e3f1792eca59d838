import { describe, expect, test } from 'vitest'
import {
  type DecisionInput,
  decideApproval,
  decideCancel,
  decideCreation,
  decideRetry,
  decideRevoke,
  decideStart,
  evaluateGates,
  type GateInput,
  PROMOTION_TRANSITIONS,
  PromotionError,
  type PromotionState,
  REQUEST_TRANSITIONS,
  type StartInput,
  TRUSTED_TAG_RULES,
  type StandingPromotion,
} from './index.ts'
import { inputOf, itemOf } from './test-input.ts'

const now = new Date('2026-03-01T12:00:00Z')
const later = new Date(now.getTime() + 1)
const pinned = `sha256:${'a'.repeat(64)}`
const other = `sha256:${'b'.repeat(64)}`
const requestStates = statesOf(REQUEST_TRANSITIONS)
const promotionStates = [null, ...statesOf(PROMOTION_TRANSITIONS)]

function statesOf<State extends string>(transitions: Readonly<Record<State, readonly State[]>>): State[] {
  return Object.keys(transitions).filter((key): key is State => key in transitions)
}

/** The code that a decision is refused with, or what it answers. */
function outcome<T>(decide: () => T): T | string {
  try {
    return decide()
  } catch (error) {
    if (error instanceof PromotionError) return error.code
    throw error
  }
}

function facts(over: Partial<GateInput> = {}, gates: object = {}): GateInput {
  return inputOf({ gates }, { now, items: [itemOf('app', pinned, now)], ...over })
}

describe('approval', () => {
  const base: DecisionInput = {
    request: { state: 'PENDING', expiresAt: later, pinned },
    decider: { kind: 'person', personId: 'anna', groups: [] },
    decision: 'approve',
    digest: pinned,
    comment: null,
    gates: facts(),
  }
  const anna = { personId: 'anna', groups: [], decision: 'approve' } as const
  const two = { quorum: [{ count: 2 }] }
  test.each<[string, Partial<DecisionInput>, string]>([
    ['meets the quorum', {}, 'APPROVED'],
    ['is one of two', { gates: facts({}, two) }, 'PENDING'],
    [
      'is the second of two',
      { gates: facts({ approvals: [{ ...anna, personId: 'otto' }] }, two) },
      'APPROVED',
    ],
    ['ends it', { decision: 'reject', comment: 'too early' }, 'REJECTED'],
    ['of a robot', { decider: { kind: 'robot', personId: null, groups: [] } }, 'robot_cannot_approve'],
    [
      'of a robot with a person',
      { decider: { kind: 'robot', personId: 'x', groups: [] } },
      'robot_cannot_approve',
    ],
    ['of another digest', { digest: other }, 'digest_mismatch'],
    ['a rejection without a comment', { decision: 'reject', comment: '  ' }, 'invalid'],
    ['a second one', { gates: facts({ approvals: [anna] }, two) }, 'already_decided'],
    ['of the requester', { decider: { ...base.decider, personId: 'rita' } }, 'self_approval'],
    [
      'a rejection of the requester',
      { decider: { ...base.decider, personId: 'rita' }, decision: 'reject', comment: 'no' },
      'REJECTED',
    ],
    ['of a pusher', { decider: { ...base.decider, personId: 'paul' } }, 'APPROVED'],
    [
      'of an excluded pusher',
      { decider: { ...base.decider, personId: 'paul' }, gates: facts({}, { pusher: 'excluded' }) },
      'self_approval',
    ],
    ['of what a gate blocks', { gates: facts({}, { tagRule: { patterns: ['v*'] } }) }, 'gate_refused'],
    ['while it soaks', { gates: facts({}, { soak: { minutes: 5 } }) }, 'APPROVED'],
    ['at the last moment', { request: { ...base.request, expiresAt: now } }, 'request_expired'],
  ])('%s', (_, change, expected) => {
    const decided = outcome(() => decideApproval({ ...base, ...change }))
    expect(typeof decided === 'string' ? decided : decided.next).toBe(expected)
  })

  test.each(requestStates)('of a request that is %s', (state) => {
    const decided = outcome(() => decideApproval({ ...base, request: { ...base.request, state } }))
    const expected = { PENDING: 'APPROVED', EXPIRED: 'request_expired' }[state as string] ?? 'request_state'
    expect(typeof decided === 'string' ? decided : decided.next).toBe(expected)
  })
})

describe('cancel and revoke: every pair of states', () => {
  const pairs = requestStates.flatMap((request) =>
    promotionStates.map((promotion) => [request, promotion] as const),
  )
  test.each(pairs)('%s, promotion %s', (request, promotion) => {
    const open = request === 'PENDING' || request === 'APPROVED'
    const expected =
      promotion === 'SUCCEEDED'
        ? 'already_committing'
        : promotion === 'FAILED'
          ? 'promotion_state'
          : open
            ? { cancelPromotion: promotion !== null && promotion !== 'CANCELLED' }
            : 'request_state'
    expect(outcome(() => decideCancel(request, standing(promotion)))).toEqual(expected)
    expect(outcome(() => decideRevoke(request, standing(promotion)))).toEqual(
      typeof expected === 'string' ? expected : { ...expected, reopen: request === 'APPROVED' },
    )
  })
})

test('what is let through is a move that both state machines know', () => {
  const states = promotionStates.filter((state) => state !== null)
  const cancelled = states.filter((state) => decideCancelled(state))
  expect(cancelled).toEqual(['QUEUED', 'RUNNING', 'ERRORED'])
  expect(cancelled).toEqual(states.filter((state) => PROMOTION_TRANSITIONS[state].includes('CANCELLED')))
  for (const state of ['PENDING', 'APPROVED'] as const)
    expect(REQUEST_TRANSITIONS[state]).toContain('CANCELLED')
  expect(REQUEST_TRANSITIONS.APPROVED).toContain('PENDING')
})

test('once its tags are about to be set elsewhere, a promotion is finished: not withdrawn, retried however late', () => {
  for (const state of ['QUEUED', 'RUNNING', 'ERRORED'] as const) {
    const intended = { state, intended: true }
    expect(outcome(() => decideCancel('APPROVED', intended))).toBe('already_committing')
    expect(outcome(() => decideRevoke('APPROVED', intended))).toBe('already_committing')
  }
  const intended = { state: 'ERRORED', intended: true } as const
  const late = { state: 'APPROVED', expiresAt: now } as const
  expect(outcome(() => decideRetry(late, intended, now))).toBeUndefined()
  expect(outcome(() => decideRetry({ ...late, state: 'CANCELLED' }, intended, now))).toBe('request_state')
})

function standing(state: PromotionState): StandingPromotion
function standing(state: PromotionState | null): StandingPromotion | null
function standing(state: PromotionState | null): StandingPromotion | null {
  return state === null ? null : { state, intended: false }
}

/** Does cancelling the request cancel a promotion in this state? */
function decideCancelled(state: PromotionState): boolean {
  const decided = outcome(() => decideCancel('APPROVED', standing(state)))
  return typeof decided !== 'string' && decided.cancelPromotion
}

test('retry: only ERRORED, only while the approval stands', () => {
  const request = { state: 'APPROVED', expiresAt: later } as const
  for (const state of promotionStates) {
    if (state === null) continue
    expect(outcome(() => decideRetry(request, standing(state), now))).toBe(
      state === 'ERRORED' ? undefined : 'promotion_state',
    )
  }
  expect(outcome(() => decideRetry({ ...request, expiresAt: now }, standing('ERRORED'), now))).toBe(
    'request_expired',
  )
  expect(outcome(() => decideRetry({ ...request, state: 'CANCELLED' }, standing('ERRORED'), now))).toBe(
    'request_state',
  )
})

describe('creation', () => {
  const tagRules = { ...TRUSTED_TAG_RULES, permitted: ['live'] }
  const toFeed = { name: 'trusted', trusted: true, tagRules }
  const target = { repository: 'app', tag: '1.0.0', digest: pinned, current: null }
  const base = { targets: [target], toFeed, foreignLayers: [], gates: evaluateGates(facts()) }
  test.each([
    ['a new tag', {}, undefined],
    ['a tag that is there already', { targets: [{ ...target, current: pinned }] }, undefined],
    ['an immutable tag on another digest', { targets: [{ ...target, current: other }] }, 'tag_exists'],
    ['a tag that may move', { targets: [{ ...target, tag: 'live', current: other }] }, undefined],
    ['a tag that the feed itself keeps', { targets: [{ ...target, tag: 'latest' }] }, 'tag_not_permitted'],
    ['a tag that is not permitted', { targets: [{ ...target, tag: 'main' }] }, 'tag_not_permitted'],
    [
      'a tag from before the rule, which does not move',
      { targets: [{ ...target, tag: 'main', current: pinned }] },
      undefined,
    ],
    ['foreign layers into trusted', { foreignLayers: [other] }, 'foreign_layers'],
    [
      'foreign layers elsewhere',
      { foreignLayers: [other], toFeed: { ...toFeed, trusted: false } },
      undefined,
    ],
    [
      'a gate that blocks',
      { gates: evaluateGates(facts({}, { tagRule: { patterns: ['v*'] } })) },
      'gate_refused',
    ],
  ])('%s', (_, change, expected) => {
    expect(outcome(() => decideCreation({ ...base, ...change }))).toBe(expected)
  })

  test('a conflict names both sides', () => {
    expect(() => decideCreation({ ...base, targets: [{ ...target, current: other }] })).toThrow(
      expect.objectContaining({
        detail: { repository: 'app', tag: '1.0.0', current: other, asked: pinned, rule: 'release' },
      }),
    )
  })
})

describe('start', () => {
  const approvals = [{ personId: 'anna', groups: [], decision: 'approve' as const }]
  const gates = (over: object = {}) => evaluateGates(facts({ approvals }, over))
  const target = { repository: 'app', tag: '1.0.0', digest: pinned, expected: null, current: null }
  const base: StartInput = {
    request: { state: 'APPROVED', expiresAt: later },
    now,
    bindingHolds: true,
    gates: gates(),
    targets: [target],
    tagRules: { ...TRUSTED_TAG_RULES, permitted: ['live'] },
  }
  const moving = { ...target, tag: 'live' }
  test.each<[string, Partial<StartInput>, object]>([
    ['all is as approved', {}, { verdict: 'run' }],
    [
      'the request is not approved',
      { request: { ...base.request, state: 'CANCELLED' } },
      { code: 'request_state' },
    ],
    ['the request expired', { request: { ...base.request, expiresAt: now } }, { code: 'request_expired' }],
    ['the rows changed', { bindingHolds: false }, { code: 'binding_mismatch' }],
    ['an approver is gone', { gates: evaluateGates(facts()) }, { code: 'quorum_missing' }],
    ['a gate blocks', { gates: gates({ tagRule: { patterns: ['v*'] } }) }, { code: 'gate_refused' }],
    [
      'it still soaks',
      { gates: gates({ soak: { minutes: 1 } }) },
      { verdict: 'wait', until: new Date('2026-03-01T12:01:00Z') },
    ],
    ['the tag was taken', { targets: [{ ...target, current: other }] }, { code: 'target_moved' }],
    ['the tag is there already', { targets: [{ ...target, current: pinned }] }, { verdict: 'run' }],
    [
      'a tag moves as expected',
      { targets: [{ ...moving, expected: other, current: other }] },
      { verdict: 'run' },
    ],
    ['a tag was removed', { targets: [{ ...moving, expected: other }] }, { code: 'target_moved' }],
    [
      'tags became versions',
      { targets: [{ ...target, tag: 'main' }] },
      { verdict: 'refuse', code: 'tag_not_permitted' },
    ],
    [
      'a tag became immutable',
      { targets: [{ ...target, expected: other, current: other }] },
      { code: 'tag_exists' },
    ],
    [
      'a moved tag while it soaks',
      { gates: gates({ soak: { minutes: 1 } }), targets: [{ ...target, current: other }] },
      { code: 'target_moved' },
    ],
  ])('%s', (_, change, expected) => {
    expect(decideStart({ ...base, ...change })).toMatchObject(expected)
  })
})
