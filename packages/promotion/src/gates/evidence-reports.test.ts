import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { EVIDENCE_TYPES, type Evidence, parsePolicy } from '../index.ts'
import { at, fact, holding, item, now, report, robot, subject, two } from './test-report.ts'

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

describe('who signed', () => {
  const pem = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const signatures = [{ from: ['key:ci', 'key:qa'] }]
  const policy = parsePolicy({ keys: { ci: pem, qa: pem }, gates: { signatures } })
  const signed = (over: Partial<Evidence>) => fact({ kind: 'signature' }, { from: ['key:qa'], ...over })
  const of = (...evidence: Evidence[]) => report({}, { policy, ...holding(...evidence) }, 'signatures')

  test('signatures, word for word; of anything else nothing counts', () => {
    const good = signed({})
    expect(of(good)).toEqual({
      gate: 'signatures',
      verdict: 'pass',
      reasons: [],
      inputs: { rules: signatures, subjects: [subject(good.id, 'pass')] },
      until: null,
    })
    for (const other of [
      signed({ type: 'statement' }),
      signed({ from: ['key:no'] }),
      signed({ subject: 'sha256:b' }),
    ]) {
      expect(of(other)).toMatchObject({
        verdict: 'block',
        reasons: ['app@sha256:a: no signature from key:ci or key:qa'],
        inputs: { subjects: [subject(null)] },
      })
    }
  })

  test('why a certificate makes it nobody’s is said where nothing counts: of this digest and kind, five times', () => {
    const why = (n: number) => Array.from({ length: n }, (_, i) => `reason ${i}`)
    const nobody = (over: Partial<Evidence>) => signed({ from: [], ...over })
    const shown = nobody({ unproven: why(2) })
    const hidden = [
      nobody({ subject: 'sha256:b', unproven: ['of another image'] }),
      nobody({ type: 'test', unproven: ['of another kind'] }),
      nobody({}),
    ]
    expect(of(...hidden, shown).reasons).toEqual([
      'app@sha256:a: no signature from key:ci or key:qa',
      `app@sha256:a: ${shown.id} does not count: reason 0`,
      `app@sha256:a: ${shown.id} does not count: reason 1`,
    ])
    expect(of(nobody({ unproven: why(6) })).reasons).toHaveLength(6)
    expect(of(shown, signed({})).reasons).toEqual([])
  })

  test('of what came at once, the later receipt and then the later id decides', () => {
    const said = (result: 'PASSED' | 'FAILED', over: Partial<Evidence>) =>
      fact(
        { kind: 'test', result, passed: 1, warned: 0, failed: 0, failedTests: [] },
        { claimedAt: at(-1), ...over },
      )
    const tests = [{ from: robot }]
    const verdict = (...evidence: Evidence[]) => report({ tests }, holding(...evidence)).verdict
    const pairs = [
      [said('FAILED', { receivedAt: at(-2) }), said('PASSED', { receivedAt: at(-1) })],
      [said('FAILED', { id: 'x1' }), said('PASSED', { id: 'x2' })],
    ] as const
    for (const [failed, passed] of pairs) {
      expect([verdict(failed, passed), verdict(passed, failed)]).toEqual(['pass', 'pass'])
    }
    const [first, later] = [said('PASSED', { id: 'y1' }), said('FAILED', { id: 'y2' })]
    expect([verdict(first, later), verdict(later, first)]).toEqual(['block', 'block'])
    // What was said once is as old as it was first, whatever it is wrapped in now.
    const again = { contentDigest: 'same', claimedAt: null }
    const old = said('PASSED', { ...again, receivedAt: at(-3) })
    const failed = said('FAILED', { claimedAt: null, receivedAt: at(-2) })
    const renewed = said('PASSED', { ...again, receivedAt: at(-1) })
    expect([verdict(old, failed, renewed), verdict(renewed, failed, old)]).toEqual(['block', 'block'])
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
})
