import { describe, expect, test } from 'vitest'
import {
  EVIDENCE_TYPES,
  type Evidence,
  evaluateGates,
  type GateInput,
  type GateItem,
  type GateReport,
  parsePolicy,
  PromotionError,
} from '../index.ts'
import type { Finding } from '../evidence/evidence.ts'

// What people read and auditors keep: each gate's whole report, word for word.

const now = new Date('2026-03-10T12:00:00.000Z')
const at = (hours: number) => new Date(now.getTime() + hours * 3_600_000)
const robot = ['robot:ci']
const two = ['robot:ci', 'user:anna']

let serial = 0
function fact(summary: Evidence['summary'], over: Partial<Evidence> = {}): Evidence {
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

const item: GateItem = {
  source: 'app@sha256:a',
  digest: 'sha256:a',
  platforms: [{ platform: null, digest: 'sha256:a' }],
  targetTags: ['1.0.0'],
  pushedAt: at(-2),
  evidence: [],
  unread: [],
  reached: [],
}

function report(gates: object, over: Partial<GateInput> = {}, gate = Object.keys(gates)[0]): GateReport {
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

const holding = (...evidence: Evidence[]) => ({ items: [{ ...item, evidence }] })
const subject = (evidence: string | null, verdict = 'block') => ({
  source: 'app@sha256:a',
  platform: null,
  digest: 'sha256:a',
  evidence,
  verdict,
})

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

describe('evidence that is missing, old or not to be read, of every gate', () => {
  const rules: [string, object, string, object?][] = [
    ['evidence', [{ type: 'sbom', from: two }], 'evidence of type sbom'],
    ['tests', [{ from: two }], 'test result'],
    ['provenance', { builders: ['b'], from: two }, 'provenance'],
    ['sbom', { from: two }, 'SBOM'],
    ['licences', { deny: ['X'], from: two }, 'SBOM'],
    [
      'vulnerabilities',
      { from: two },
      'vulnerability scan',
      { allow: { critical: 0, high: 0, unknown: 0 }, excused: [] },
    ],
  ]
  test.each<[string, object, string, object?]>(rules)('%s', (gate, rule, what, more = {}) => {
    const inputs = Array.isArray(rule) ? { rules: rule } : { ...rule, ...more }
    expect(
      report({ [gate]: rule }, { items: [{ ...item, unread: ['x is too large', 'y is gone'] }] }),
    ).toEqual({
      gate,
      verdict: 'block',
      reasons: [
        `app@sha256:a: no ${what} from robot:ci or user:anna`,
        'app@sha256:a: attached evidence was not read: x is too large',
        'app@sha256:a: attached evidence was not read: y is gone',
      ],
      inputs: { ...inputs, subjects: [subject(null)] },
      until: null,
    })
    const aged = Array.isArray(rule)
      ? rule.map((one) => ({ ...one, maxAge: { hours: 2 } }))
      : { ...rule, maxAge: { hours: 2 } }
    const named = { evidence: 'sbom', tests: 'test', licences: 'sbom' }[gate] ?? gate
    const type = EVIDENCE_TYPES.find((known) => known === named)!
    const broken = (over: Partial<Evidence>) =>
      fact({ kind: 'unreadable', reason: 'it is torn' }, { type, ...over })
    const old = fact({ kind: 'statement' }, { type, receivedAt: at(-2.001) })
    const future = { ...old, claimedAt: at(0.084) }
    const said: readonly (readonly [Evidence, string])[] = [
      [broken({}), `the newest ${what} cannot be read: it is torn`],
      [old, `the ${what} is of 2026-03-10T09:59:56.400Z, older than 2 h`],
      [future, `the ${what} is dated in the future, 2026-03-10T12:05:02.400Z`],
    ]
    for (const [evidence, reason] of said) {
      expect(report({ [gate]: aged }, holding(evidence))).toMatchObject({
        verdict: 'block',
        reasons: [`app@sha256:a: ${reason}`],
        inputs: { subjects: [subject(evidence.id)] },
      })
    }
  })

  test('clocks may differ by five minutes, and age counts to the very end', () => {
    const passed = (over: Partial<Evidence>) =>
      fact({ kind: 'test', result: 'PASSED', passed: 1, warned: 0, failed: 0, failedTests: [] }, over)
    const tests = [{ from: robot, maxAge: { hours: 2 } }]
    for (const claimedAt of [new Date(now.getTime() + 300_000), at(-2)]) {
      expect(report({ tests }, holding(passed({ claimedAt }))).verdict).toBe('pass')
    }
    for (const claimedAt of [new Date(now.getTime() + 300_001), new Date(at(-2).getTime() - 1)]) {
      expect(report({ tests }, holding(passed({ claimedAt }))).verdict).toBe('block')
    }
  })
})

describe('evidence that refuses', () => {
  test('tests', () => {
    const tests = [{ from: robot }]
    const failed = fact({
      kind: 'test',
      result: 'FAILED',
      passed: 1,
      warned: 0,
      failed: 4,
      failedTests: ['a', 'b', 'c', 'd'],
    })
    expect(report({ tests }, holding(failed))).toEqual({
      gate: 'tests',
      verdict: 'block',
      reasons: ['app@sha256:a: the tests FAILED, 4 failed (a, b, c)'],
      inputs: { rules: tests, subjects: [subject(failed.id)] },
      until: null,
    })
    const odd = { kind: 'test', passed: 1, warned: 1, failedTests: [] } as const
    const reasons = (summary: Evidence['summary']) =>
      report({ tests }, holding(fact(summary, { type: 'test' }))).reasons
    expect(reasons({ ...odd, result: 'WARNED', failed: 0 })).toEqual([
      'app@sha256:a: the tests WARNED, 0 failed',
    ])
    expect(reasons({ ...odd, result: 'PASSED', failed: 1 })).toEqual([
      'app@sha256:a: the tests PASSED, 1 failed',
    ])
    expect(reasons({ kind: 'signature' })).toEqual(['app@sha256:a: the test result is none'])
  })

  test('provenance', () => {
    const provenance = { builders: ['https://b/1', 'https://c/*'], from: robot }
    const built = fact({ kind: 'provenance', builder: 'https://b/2', buildType: 'x' })
    expect(report({ provenance }, holding(built))).toEqual({
      gate: 'provenance',
      verdict: 'block',
      reasons: ['app@sha256:a: the builder https://b/2 is none of https://b/1, https://c/*'],
      inputs: { ...provenance, subjects: [subject(built.id)] },
      until: null,
    })
    const none = fact({ kind: 'signature' }, { type: 'provenance' })
    expect(report({ provenance: { builders: ['*'], from: robot } }, holding(none)).reasons).toEqual([
      'app@sha256:a: the builder null is none of *',
    ])
    expect(report({ provenance }, holding({ ...built, type: 'statement' })).reasons).toEqual([
      'app@sha256:a: no provenance from robot:ci',
    ])
  })

  test('licences: what is under one, the first three of many, twenty licences', () => {
    const licences = { deny: ['GPL-*'], unknown: 'deny', from: robot }
    const listed = fact({
      kind: 'sbom',
      packages: 9,
      licences: [
        { licence: 'MIT', count: 1, packages: ['m@1'] },
        { licence: 'gpl-3.0', count: 3, packages: ['a@1', 'b@1', 'c@1'] },
        { licence: null, count: 5, packages: ['d@1', 'e@1'] },
      ],
    })
    expect(report({ licences }, holding(listed))).toEqual({
      gate: 'licences',
      verdict: 'block',
      reasons: [
        'app@sha256:a: gpl-3.0: a@1, b@1, c@1',
        'app@sha256:a: no licence named: d@1, e@1 and 3 more',
      ],
      inputs: { ...licences, subjects: [subject(listed.id)] },
      until: null,
    })
    const many = Array.from({ length: 21 }, (_, i) => ({ licence: `GPL-${i}`, count: 1, packages: ['p'] }))
    expect(
      report({ licences }, holding(fact({ kind: 'sbom', packages: 21, licences: many }))).reasons,
    ).toHaveLength(20)
    expect(report({ licences }, holding(fact({ kind: 'signature' }, { type: 'sbom' }))).reasons).toEqual([
      'app@sha256:a: the SBOM is none',
    ])
    const allowed = { deny: ['X'], unknown: 'allow', from: robot }
    expect(report({ licences: allowed }, holding(listed)).verdict).toBe('pass')
  })

  const finding = (id: string, severity: Finding['severity'], over: Partial<Finding> = {}): Finding => ({
    id,
    severity,
    package: 'ssl',
    version: '1',
    fixed: '2',
    ...over,
  })
  const scan = (...findings: Finding[]) => fact({ kind: 'vulnerabilities', scanner: 'x', findings })

  test('vulnerabilities: five of many named, each severity by itself, in its order', () => {
    const found = scan(
      finding('L-1', 'low', { fixed: null }),
      ...Array.from({ length: 6 }, (_, i) => finding(`H-${i}`, 'high')),
      ...Array.from({ length: 5 }, (_, i) => finding(`C-${i}`, 'critical', { fixed: null })),
      finding('N-1', 'negligible'),
    )
    const allow = { critical: 1, high: 0, low: 0 }
    expect(report({ vulnerabilities: { from: robot, allow } }, holding(found))).toEqual({
      gate: 'vulnerabilities',
      verdict: 'block',
      reasons: [
        'app@sha256:a: 5 critical, 1 allowed: C-0 in ssl 1; C-1 in ssl 1; C-2 in ssl 1; C-3 in ssl 1; C-4 in ssl 1',
        'app@sha256:a: 6 high, 0 allowed: H-0 in ssl 1, fixed in 2; H-1 in ssl 1, fixed in 2; H-2 in ssl 1, fixed in 2; H-3 in ssl 1, fixed in 2; H-4 in ssl 1, fixed in 2; and 1 more',
        'app@sha256:a: 1 low, 0 allowed: L-1 in ssl 1',
      ],
      inputs: { from: robot, allow: { ...allow, unknown: 0 }, excused: [], subjects: [subject(found.id)] },
      until: null,
    })
    const none = fact({ kind: 'signature' }, { type: 'vulnerabilities' })
    expect(report({ vulnerabilities: { from: robot } }, holding(none)).reasons).toEqual([
      'app@sha256:a: the scan is none',
    ])
  })

  test('vulnerabilities: who excused what', () => {
    const exception = { id: 'cve-1', owner: 'user:anna', until: '2026-03-10', reason: 'not called' }
    const vexed = fact({
      kind: 'vex',
      statements: [
        {
          vulnerabilities: ['CVE-2', 'GHSA-2'],
          status: 'not_affected',
          justification: 'vulnerable_code_not_present',
          images: [],
          elsewhere: false,
          packages: [],
        },
        {
          vulnerabilities: ['CVE-3'],
          status: 'fixed',
          justification: null,
          images: ['sha256:a'],
          elsewhere: false,
          packages: [],
        },
      ],
    })
    const vulnerabilities = { from: robot, vex: { from: robot }, exceptions: [exception] }
    const found = scan(finding('CVE-1', 'high'), finding('ghsa-2', 'critical'), finding('CVE-3', 'high'))
    const { verdict, inputs } = report({ vulnerabilities }, holding(vexed, found))
    expect(verdict).toBe('pass')
    const where = { source: 'app@sha256:a', platform: null }
    expect(inputs['excused']).toEqual([
      { ...where, id: 'CVE-1', why: 'exception of user:anna until 2026-03-10: not called' },
      { ...where, id: 'ghsa-2', why: 'VEX: vulnerable_code_not_present' },
      { ...where, id: 'CVE-3', why: 'VEX: fixed' },
    ])
    // The last moment of its last day, and the first of the next.
    const last = new Date('2026-03-10T23:59:59.999Z')
    const one = holding(scan(finding('CVE-1', 'high')))
    expect(report({ vulnerabilities }, { ...one, now: last }).verdict).toBe('pass')
    expect(report({ vulnerabilities }, { ...one, now: new Date(last.getTime() + 1) }).reasons).toEqual([
      'app@sha256:a: 1 high, 0 allowed: CVE-1 in ssl 1, fixed in 2',
      'app@sha256:a: the exception for cve-1 of user:anna ended 2026-03-10',
    ])
  })

  test('vulnerabilities: what is excused is listed up to a bound, exceptions that ended up to five', () => {
    const ids = Array.from({ length: 101 }, (_, i) => `CVE-${i}`)
    const exceptions = (until: string) => ids.map((id) => ({ id, owner: 'user:a', until, reason: 'r' }))
    const found = scan(...ids.map((id) => finding(id, 'high')))
    const held = report(
      { vulnerabilities: { from: robot, exceptions: exceptions('2026-12-31') } },
      holding(found),
    )
    expect([held.verdict, held.inputs['excused']]).toEqual(['pass', expect.objectContaining({ length: 100 })])
    const ended = report(
      { vulnerabilities: { from: robot, exceptions: exceptions('2026-01-01') } },
      holding(found),
    )
    expect(ended.reasons).toHaveLength(6)
  })

  test('unfixed: only what no version mends is left out', () => {
    const found = scan(finding('CVE-1', 'high', { fixed: null }), finding('CVE-2', 'high'))
    const reasons = (unfixed?: string) =>
      report({ vulnerabilities: { from: robot, ...(unfixed && { unfixed }) } }, holding(found)).reasons
    expect(reasons('ignore')).toEqual(['app@sha256:a: 1 high, 0 allowed: CVE-2 in ssl 1, fixed in 2'])
    expect(reasons('count')).toEqual(reasons())
    expect(reasons()).toEqual(['app@sha256:a: 2 high, 0 allowed: CVE-1 in ssl 1; CVE-2 in ssl 1, fixed in 2'])
  })
})

describe('a rule that is written wrong, word for word', () => {
  const said = (policy: unknown): string => {
    try {
      parsePolicy(policy)
    } catch (error) {
      if (error instanceof PromotionError) return error.message
      throw error
    }
    return 'nothing'
  }
  const gates = (value: object) => ({ gates: value })
  const exception = { id: 'CVE-1', owner: 'user:a', until: '2026-12-31', reason: 'r' }
  test.each<[unknown, string]>([
    [
      gates({ tests: [{ from: ['ci'] }] }),
      'gates.tests[0].from[0]: must be key:NAME or identity:NAME (of this lane), robot:NAME or user:NAME',
    ],
    [
      gates({ signatures: [{ from: robot }] }),
      'gates.signatures[0].from: a signature is by a key or an identity: key:NAME, identity:NAME',
    ],
    [
      gates({ evidence: [{ type: 'x', from: robot }] }),
      'gates.evidence[0].type: must be one of test, provenance, sbom, vulnerabilities, vex, signature, statement, or the URI of a predicate type',
    ],
    [
      gates({ tests: [{ from: ['key:cj'] }] }),
      'gates.tests[0].from[0]: "cj" is no key of this lane; the lane has none',
    ],
    [
      gates({ window: { zone: 'Mars/Base', open: [{ days: ['mon'], from: '09:00', to: '10:00' }] } }),
      'gates.window.zone: must be a time zone, as Europe/Berlin or UTC',
    ],
    [gates({ window: { zone: 'UTC' } }), 'gates.window: open or freezes must be given'],
    [
      gates({ window: { zone: 'UTC', open: [{ days: ['mon'], from: '9', to: '24:01' }] } }),
      'gates.window.open[0].from: must be a time of day, as 09:30; gates.window.open[0].to: must be a time of day, as 09:30',
    ],
    [
      gates({ window: { zone: 'UTC', open: [{ days: ['mon'], from: '09:00', to: '09:00' }] } }),
      'gates.window.open[0]: the window is never open',
    ],
    [
      gates({ window: { zone: 'UTC', freezes: [{ name: 'x', from: '2026-02-30', to: 'soon' }] } }),
      'gates.window.freezes[0].from: is no day of the calendar; gates.window.freezes[0].to: must be a day, as 2026-12-24, or a day and time; gates.window.freezes[0].to: is no day of the calendar',
    ],
    [
      gates({ window: { zone: 'UTC', freezes: [{ name: 'x', from: '2026-02-03', to: '2026-02-02' }] } }),
      'gates.window.freezes[0].to: it ends before it begins',
    ],
    [
      gates({
        vulnerabilities: { from: robot, exceptions: [{ ...exception, owner: 'anna', until: 'soon' }] },
      }),
      'gates.vulnerabilities.exceptions[0].owner: must be user:NAME or group:NAME; gates.vulnerabilities.exceptions[0].until: must be a day, as 2026-12-31',
    ],
  ])('%j', (policy, message) => {
    expect(said(policy)).toBe(message)
  })

  test.each<[string, object, boolean]>([
    ['the last hour of maxAge', { sbom: { from: robot, maxAge: { hours: 87_600 } } }, true],
    ['an hour too many', { sbom: { from: robot, maxAge: { hours: 87_601 } } }, false],
    ['none', { sbom: { from: robot, maxAge: { hours: 0 } } }, false],
    ['twenty sources', { sbom: { from: Array(20).fill('robot:a') } }, true],
    ['one too many', { sbom: { from: Array(21).fill('robot:a') } }, false],
    ['twenty rules', { tests: Array.from({ length: 20 }, () => ({ from: robot })) }, true],
    ['a rule too many', { tests: Array.from({ length: 21 }, () => ({ from: robot })) }, false],
    ['no rule', { tests: [] }, false],
    ['no rule of signatures', { signatures: [] }, false],
    ['no rule of evidence', { evidence: [] }, false],
    ['no builder', { provenance: { builders: [], from: robot } }, false],
    ['a builder with a space', { provenance: { builders: ['a b'], from: robot } }, false],
    ['nothing denied', { licences: { deny: [], from: robot } }, false],
    ['a licence in another script', { licences: { deny: ['\u00e9'], from: robot } }, false],
    ['a negative limit', { vulnerabilities: { from: robot, allow: { low: -1 } } }, false],
    [
      'a reason of nothing',
      { vulnerabilities: { from: robot, exceptions: [{ ...exception, reason: '' }] } },
      false,
    ],
    [
      'a package of nothing',
      { vulnerabilities: { from: robot, exceptions: [{ ...exception, package: '' }] } },
      false,
    ],
    [
      'an exception of a group',
      { vulnerabilities: { from: robot, exceptions: [{ ...exception, owner: 'group:x' }] } },
      true,
    ],
    ['a feed name', { predecessor: { feed: 'a-b_c' } }, true],
    ['a bad feed name', { predecessor: { feed: '-a' } }, false],
    ['a feed name that ends badly', { predecessor: { feed: 'a-' } }, false],
    ['no ticket key', { ticket: { keys: [] } }, false],
    ['a bad ticket key', { ticket: { keys: ['A'] } }, false],
    ['a ticket key that ends badly', { ticket: { keys: ['a.'] } }, false],
    ['no ticket state', { ticket: { keys: ['a'], states: [] } }, false],
    ['a ticket state of nothing', { ticket: { keys: ['a'], states: [''] } }, false],
    [
      'seven days',
      { window: { zone: 'UTC', open: [{ days: Array(7).fill('mon'), from: '00:00', to: '24:00' }] } },
      true,
    ],
    ['no day', { window: { zone: 'UTC', open: [{ days: [], from: '00:00', to: '24:00' }] } }, false],
    ['no window', { window: { zone: 'UTC', open: [] } }, false],
    ['no freeze', { window: { zone: 'UTC', freezes: [] } }, false],
    [
      'a freeze without a name',
      { window: { zone: 'UTC', freezes: [{ name: '', from: '2026-01-01', to: '2026-01-02' }] } },
      false,
    ],
    ['soak of nothing', { soak: { minutes: 0 } }, false],
    ['soak of a year', { soak: { minutes: 525_600 } }, true],
    ['soak of more', { soak: { minutes: 525_601 } }, false],
    ['twenty persons', { quorum: [{ count: 20 }] }, true],
    ['one person more', { quorum: [{ count: 21 }] }, false],
    ['nobody', { quorum: [{ count: 0 }] }, false],
    ['no quorum', { quorum: [] }, false],
    ['no pattern', { tagRule: { patterns: [] } }, false],
  ])('%s', (_, value, taken) => {
    expect(said(gates(value)) === 'nothing').toBe(taken)
  })
})
