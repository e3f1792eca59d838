import assert from 'node:assert/strict'
import { describe, expect, test } from 'vitest'
import {
  type AskedItem,
  type DecisionInput,
  decideApproval,
  decideCancel,
  decideCreation,
  decideRetry,
  decideRevoke,
  decideStart,
  type GateReport,
  type Policy,
  PromotionError,
  type PromotionState,
  parsePolicy,
  parseRetention,
  parseTagRules,
  releasesWithin,
  requireSatisfiable,
  resolveBack,
  resolveItems,
  type StartInput,
} from './index.ts'

// What a person is told when a rule says no: the code, the words, and what a client gets beside them.

const digest = `sha256:${'a'.repeat(64)}`
const other = `sha256:${'b'.repeat(64)}`
const now = new Date('2026-03-10T12:00:00.000Z')
const later = new Date('2026-03-10T13:00:00.000Z')

function refusal(decide: () => unknown) {
  try {
    decide()
  } catch (error) {
    if (!(error instanceof PromotionError)) throw error
    const { name, code, message, issues, detail } = error
    assert.equal(name, 'PromotionError')
    return { code, message, issues, ...(detail !== undefined && { detail }) }
  }
  throw new Error('nothing was refused')
}

const gate = (name: GateReport['gate'], verdict: GateReport['verdict'], over: Partial<GateReport> = {}) => ({
  gate: name,
  verdict,
  reasons: [`${name} says ${verdict}`, 'and more'],
  inputs: {},
  until: null,
  ...over,
})

describe('creation', () => {
  const asked = {
    targets: [{ repository: 'app', tag: '1.0.0', digest, current: null }],
    toFeed: { name: 'trusted', trusted: true, tagRules: {} },
    foreignLayers: [],
    gates: [],
  }

  test('what waits, moves what may move, or is there already is let be', () => {
    const moving = { repository: 'app', tag: 'main', digest, current: other }
    const same = { repository: 'app', tag: '1.0.0', digest, current: digest }
    const toFeed = {
      ...asked.toFeed,
      tagRules: { versions: true, permitted: ['main'], immutable: ['release'] },
    }
    const gates = [gate('quorum', 'wait'), gate('soak', 'wait', { until: later.toISOString() })]
    expect(decideCreation({ ...asked, toFeed, gates, targets: [moving, same] })).toBeUndefined()
    const foreign = { ...asked, foreignLayers: [other], toFeed: { ...asked.toFeed, trusted: false } }
    expect(decideCreation(foreign)).toBeUndefined()
  })

  test('a tag that the feed does not let anybody set', () => {
    const tagRules = { versions: true, permitted: ['main', 'x-*'] }
    const targets = [{ repository: 'team/app', tag: 'stable', digest, current: other }]
    expect(
      refusal(() => decideCreation({ ...asked, targets, toFeed: { ...asked.toFeed, tagRules } })),
    ).toEqual({
      code: 'tag_not_permitted',
      message:
        'trusted/team/app: the tag stable is neither a release nor permitted here; tags may be release tags (X.Y.Z or X.Y.Z-pre) and main, x-*',
      issues: [],
      detail: { repository: 'team/app', tag: 'stable', rule: 'versions: permitted' },
    })
    const virtual = [{ repository: 'app', tag: '1.0', digest, current: null }]
    expect(
      refusal(() =>
        decideCreation({
          ...asked,
          targets: virtual,
          toFeed: { ...asked.toFeed, tagRules: { versions: true } },
        }),
      ),
    ).toEqual({
      code: 'tag_not_permitted',
      message:
        'trusted/app: the tag 1.0 is virtual here: the feed itself keeps X, X.Y and latest on the highest release; tags may be release tags (X.Y.Z or X.Y.Z-pre)',
      issues: [],
      detail: { repository: 'app', tag: '1.0', rule: 'versions: virtual' },
    })
  })

  test('an immutable tag, naming both digests', () => {
    const toFeed = { ...asked.toFeed, tagRules: { immutable: ['x', 'release'] } }
    const targets = [
      { repository: 'app', tag: 'main', digest, current: other },
      { repository: 'app', tag: '1.0.0', digest, current: other },
    ]
    expect(refusal(() => decideCreation({ ...asked, toFeed, targets }))).toEqual({
      code: 'tag_exists',
      message: `trusted/app:1.0.0 is ${other} and immutable (release); ${digest} needs another tag`,
      issues: [],
      detail: { repository: 'app', tag: '1.0.0', current: other, asked: digest, rule: 'release' },
    })
  })

  test('layers that stay with their vendor, the first five named', () => {
    const foreignLayers = ['l1', 'l2', 'l3', 'l4', 'l5', 'l6']
    expect(refusal(() => decideCreation({ ...asked, foreignLayers }))).toEqual({
      code: 'foreign_layers',
      message:
        'the image has layers that stay with their vendor (l1, l2, l3, l4, l5); trusted takes only what it can hold in full',
      issues: [],
      detail: { layers: foreignLayers },
    })
  })

  test('gates that block', () => {
    const blocked = [gate('tests', 'block'), gate('sbom', 'block', { reasons: ['none'] })]
    expect(refusal(() => decideCreation({ ...asked, gates: [gate('quorum', 'wait'), ...blocked] }))).toEqual({
      code: 'gate_refused',
      message: 'tests: tests says block, and more; sbom: none',
      issues: [],
      detail: { gates: blocked },
    })
  })
})

describe('approval', () => {
  const policy = (gates: object): Policy => parsePolicy({ gates })
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
    gates: {
      policy: policy(gates),
      now,
      kind: 'promote',
      recalls: [],
      requesterPersons: ['rita'],
      pusherPersons: ['paul'],
      approvals: [],
      tickets: [],
      items: [
        {
          source: 'app',
          digest,
          platforms: [{ platform: null, digest }],
          targetTags: ['1.0.0'],
          pushedAt: now,
          evidence: [],
          unread: [],
          reached: [],
        },
      ],
      ...facts,
    },
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

describe('what is asked for', () => {
  const said = (items: AskedItem[]) => refusal(() => resolveItems(items, ['dev', 'old']))
  const image = 'app:1'
  test.each<[AskedItem[], string, string, string]>([
    [[], 'items', 'count', '1 to 100 items are needed'],
    [[{ image, targetTags: [] }], 'items[0].targetTags', 'count', '1 to 100 tags are needed'],
    [
      [{ image, targetTags: Array.from({ length: 101 }, (_, i) => `t${i}`) }],
      'items[0].targetTags',
      'count',
      '1 to 100 tags are needed',
    ],
    [[{ image, targetTags: ['a b'] }], 'items[0].targetTags[0]', 'tag', '"a b" is not a tag'],
    [
      [{ image, targetTags: [`sha512-${'a'.repeat(64)}`] }],
      'items[0].targetTags[0]',
      'reserved_tag',
      `sha512-${'a'.repeat(64)} would be read as the referrers of a digest; choose another tag`,
    ],
    [
      [{ image, targetRepository: 'A' }],
      'items[0].targetRepository',
      'repository_name',
      '"A" is not a repository name; leave the feed out, it is the lane\'s',
    ],
    [
      [{ image: `app@${digest}` }],
      'items[0].targetTags',
      'required',
      'needed, because the image is named by digest and has no tag to take',
    ],
    [
      [{ image }, { image: 'b:1', targetRepository: 'app' }],
      'items[1].targetTags',
      'repeated',
      'app:1 is already a target of items[0]; name each target once',
    ],
    [
      [{ image: 'app:-' }],
      'items[0].image',
      'tag_invalid',
      '"app:-": "-" is not a tag; a tag has 1 to 128 of A-Z a-z 0-9 _ . - and does not start with . or -',
    ],
  ])('%#', (items, field, rule, message) => {
    expect(said(items)).toEqual({
      code: 'invalid',
      message: `${field}: ${message}`,
      issues: [{ field, rule, message }],
    })
  })

  test('as many as there may be', () => {
    const many = Array.from({ length: 100 }, (_, i) => `t${i}`)
    expect(resolveItems([{ image, targetTags: many }], ['dev'])[0]?.targetTags).toHaveLength(100)
    expect(
      resolveItems(
        many.map((tag) => ({ image: `app:${tag}` })),
        ['dev'],
      ),
    ).toHaveLength(100)
    expect(resolveItems([{ image }], ['dev'])).toEqual([
      {
        repository: 'app',
        tag: '1',
        digest: null,
        targetRepository: 'app',
        targetTags: ['1'],
        targetTagDefaulted: true,
      },
    ])
    expect(resolveItems([{ image, targetTags: ['2'] }], ['dev'])[0]?.targetTagDefaulted).toBe(false)
  })

  test('backwards', () => {
    const back = (kind: 'rollback' | 'restore', items: AskedItem[], reason?: string) =>
      refusal(() => resolveBack(kind, items, reason, ['trusted'])).issues
    expect(back('rollback', [{ image, targetRepository: 'x' }])).toEqual([
      { field: 'reason', rule: 'required', message: 'a rollback says why' },
      {
        field: 'items[0].targetRepository',
        rule: 'fixed',
        message: 'a rollback stays in the repository of its image; leave it out',
      },
      { field: 'items[0].targetTags', rule: 'required', message: 'name the tags that are to move back' },
    ])
    expect(back('restore', [{ image, targetTags: ['x'] }, { image }], ' ')).toEqual([
      { field: 'reason', rule: 'required', message: 'a restore says why' },
      { field: 'items[0].targetTags', rule: 'fixed', message: 'a restore moves no tag; leave it out' },
      { field: 'items', rule: 'count', message: 'a restore undoes one recall: name one image' },
    ])
    const elsewhere = { image: 'localhost/dev/app:1' }
    for (const [kind, item] of [
      ['restore', elsewhere],
      ['rollback', { ...elsewhere, targetTags: ['x'] }],
    ] as const) {
      expect(refusal(() => resolveBack(kind, [item], 'why', ['trusted']))).toMatchObject({
        code: 'lane_source',
        issues: [
          {
            field: 'items[0].image',
            rule: 'lane_source',
            message:
              '"localhost/dev/app:1" is an image of the feed "dev"; "trusted" is expected: lanes lead forward, choose one that takes from that feed',
          },
        ],
      })
    }
    expect(resolveBack('restore', [{ image }], 'why', ['trusted'])).toEqual([
      {
        repository: 'app',
        tag: '1',
        digest: null,
        targetRepository: 'app',
        targetTags: [],
        targetTagDefaulted: false,
      },
    ])
  })
})

describe('a lane, a feed, a range', () => {
  const lane = (quorum: object[], reach: Partial<Parameters<typeof requireSatisfiable>[1]>) =>
    refusal(() =>
      requireSatisfiable(parsePolicy({ gates: { quorum } }), {
        groups: new Map(),
        approvers: null,
        requesters: [],
        ...reach,
      }),
    ).issues
  const group = (count: number) => [{ count: 1 }, { count, group: 'qa' }]

  test('a lane that nobody can satisfy says why', () => {
    expect(lane(group(1), { groups: new Map([['qa', null]]) })).toEqual([
      { field: 'gates.quorum[1].group', rule: 'unknown_name', message: 'there is no group qa' },
    ])
    expect(lane(group(3), { groups: new Map([['qa', ['a', 'b']]]) })).toEqual([
      {
        field: 'gates.quorum[1].count',
        rule: 'unsatisfiable',
        message: 'qa has 2 members, and 3 of them must approve',
      },
    ])
    const said = (message: string) => [{ field: 'gates.quorum', rule: 'unsatisfiable', message }]
    expect(
      lane(
        [
          { count: 1, group: 'x' },
          { count: 1, group: 'y' },
        ],
        {
          groups: new Map([
            ['x', ['a']],
            ['y', ['a']],
          ]),
        },
      ),
    ).toEqual(said('the groups share too few persons: each fills one seat of one rule only'))
    expect(lane(group(1), { groups: new Map([['qa', ['a']]]), requesters: [['a', 'b']] })).toEqual(
      said('whoever may request is needed among the approvers, and nobody approves the own request'),
    )
    expect(lane([{ count: 1 }], { approvers: ['a'], requesters: [['a', 'b']] })).toEqual(
      said(
        'the only one who may approve is the only one who may request, and nobody approves the own request',
      ),
    )
  })

  test('tag rules and retention', () => {
    expect(
      refusal(() => parseTagRules({ versions: true, permitted: ['x', 'a b'], version: true })).issues,
    ).toEqual([
      {
        field: 'permitted[1]',
        rule: 'invalid_format',
        message: 'must be "release" or a glob of A-Z a-z 0-9 _ . - and * (1 to 128 characters)',
      },
      {
        field: 'version',
        rule: 'unknown_key',
        message:
          '"version" is not known here; did you mean "versions"? known are versions, permitted, immutable',
      },
    ])
    expect(refusal(() => parseTagRules({ permitted: ['x', '1.2'] })).issues).toEqual([
      {
        field: 'permitted',
        rule: 'custom',
        message: 'has no effect unless versions is true; any tag is permitted without it',
      },
      {
        field: 'permitted[1]',
        rule: 'custom',
        message: '1.2 is a virtual tag; with versions the feed itself keeps it',
      },
    ])
    expect(refusal(() => parseRetention({ rules: [{ repositories: ['A'], keepLast: 1 }] })).issues).toEqual([
      {
        field: 'rules[0].repositories[0]',
        rule: 'invalid_format',
        message: 'must be a repository name, in which * is any run of characters',
      },
    ])
    expect(refusal(() => parseRetention({ rules: [{ repositories: ['a'] }] })).issues).toEqual([
      {
        field: 'rules[0]',
        rule: 'custom',
        message: 'a rule keeps something: give keepLast, keepDays or keepTags',
      },
    ])
  })

  test('a range that is none', () => {
    for (const range of ['one', '1'.repeat(129)]) {
      const { issues } = refusal(() => releasesWithin(range, []))
      expect(issues).toEqual([
        {
          field: 'range',
          rule: 'version_range',
          message: expect.stringMatching(
            / is no range of versions, as ~1\.4, \^1, ">=1\.2 <2" or latest-stable$/,
          ),
        },
      ])
    }
    expect(releasesWithin('1'.padEnd(128, ' '), ['1.2.3', '2.0.0'])).toEqual(['1.2.3'])
  })

  test('foreign text is cut at eighty characters, and said in printable ASCII', () => {
    const long = (n: number) => refusal(() => parsePolicy({ [`z${'y'.repeat(n)}`]: 1 })).issues[0]
    expect(long(79)?.message).toContain(`"z${'y'.repeat(79)}" is not known here; known are`)
    expect(long(80)?.message).toContain(`"z${'y'.repeat(79)}..." is not known here`)
    expect(long(80)?.field).toBe(`z${'y'.repeat(79)}`)
    expect(refusal(() => parsePolicy({ '\u00e9\u0007': 1 })).message).toContain('"\\u00e9\\u0007" is not')
  })
})
