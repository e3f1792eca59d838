import { generateKeyPairSync } from 'node:crypto'
import { openSigstore } from '@sluice/testkit/sigstore'
import { describe, expect, test } from 'vitest'
import { defaultPolicy, PromotionError, parsePolicy, policyHash, quorumOf } from './index.ts'
import { said } from './test-refusal.ts'

const PEM = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString()

const full = {
  gates: {
    quorum: [{ count: 2 }, { count: 1, group: 'security' }],
    requester: 'excluded',
    pusher: 'excluded',
    tagRule: { patterns: ['release', 'hotfix-*'] },
    soak: { minutes: 60 },
  },
  requestExpiresAfter: { hours: 24 },
}

function issuesOf(value: unknown) {
  try {
    parsePolicy(value)
  } catch (error) {
    if (error instanceof PromotionError && error.code === 'invalid') return error.issues
    throw error
  }
  return []
}

test('a full policy is read as it is; what is left out is filled in', () => {
  expect(parsePolicy(full)).toEqual(full)
  expect(parsePolicy({})).toEqual(defaultPolicy())
  expect(defaultPolicy()).toEqual({
    gates: { quorum: [{ count: 1 }], requester: 'excluded' },
    requestExpiresAfter: { hours: 168 },
  })
  expect(parsePolicy({ gates: { soak: { minutes: 5 } } }).gates).toEqual({
    quorum: [{ count: 1 }],
    requester: 'excluded',
    soak: { minutes: 5 },
  })
})

test('reading what was read changes nothing, so the hash of a stored policy stays', () => {
  for (const value of [{}, full]) {
    const policy = parsePolicy(value)
    const stored = JSON.parse(JSON.stringify(policy))
    expect(parsePolicy(stored)).toEqual(policy)
    expect(policyHash(stored)).toBe(policyHash(policy))
  }
  expect(policyHash(defaultPolicy())).toMatch(/^[0-9a-f]{64}$/)
  expect(policyHash(parsePolicy(full))).not.toBe(policyHash(defaultPolicy()))
})

test.each([
  [defaultPolicy(), 1],
  [parsePolicy(full), 3],
  [parsePolicy({ gates: { quorum: [{ count: 4, group: 'a' }] } }), 4],
])('the quorum is the least number of distinct persons', (policy, persons) => {
  expect(quorumOf(policy)).toBe(persons)
})

describe('refused, naming the field', () => {
  test.each([
    [null, ''],
    [[], ''],
    ['{}', ''],
    [{ gates: { quorum: [] } }, 'gates.quorum'],
    [{ gates: { quorum: [{ count: 0 }] } }, 'gates.quorum[0].count'],
    [{ gates: { quorum: [{ count: 1.5 }] } }, 'gates.quorum[0].count'],
    [{ gates: { quorum: [{ count: 1, group: '' }] } }, 'gates.quorum[0].group'],
    [{ gates: { requester: 'allowed' } }, 'gates.requester'],
    [{ gates: { pusher: true } }, 'gates.pusher'],
    [{ gates: { tagRule: { patterns: [] } } }, 'gates.tagRule.patterns'],
    [{ gates: { tagRule: { patterns: ['(a+)+$'] } } }, 'gates.tagRule.patterns[0]'],
    [{ gates: { soak: { minutes: -1 } } }, 'gates.soak.minutes'],
    [{ requestExpiresAfter: { hours: 0 } }, 'requestExpiresAfter.hours'],
  ])('%j', (value, field) => {
    expect(issuesOf(value).map((issue) => issue.field)).toEqual([field])
  })

  test.each([
    [{ gate: {} }, 'gate', 'gates'],
    [{ gates: { quorom: [] } }, 'gates.quorom', 'quorum'],
    [{ gates: { TagRules: [] } }, 'gates.TagRules', 'tagRule'],
    [{ gates: { quorum: [{ count: 1, groups: 'x' }] } }, 'gates.quorum[0].groups', 'group'],
    [{ gates: { soak: { minute: 1, minutes: 1 } } }, 'gates.soak.minute', 'minutes'],
  ])('unknown key %j, with the nearest name', (value, field, nearest) => {
    const [issue] = issuesOf(value)
    expect(issue).toMatchObject({ field, rule: 'unknown_key' })
    expect(issue?.message).toContain(`did you mean "${nearest}"`)
  })

  test.each([
    [{ gates: { vulnerabilites: {} } }, 'gates.vulnerabilites', 'vulnerabilities'],
    [{ gates: { licenses: {} } }, 'gates.licenses', 'licences'],
    [{ gates: { window: { zones: 'UTC', zone: 'UTC', freezes: [] } } }, 'gates.window.zones', 'zone'],
    [{ gates: { tests: [{ form: [], from: ['robot:a'] }] } }, 'gates.tests[0].form', 'from'],
    [
      { gates: { vulnerabilities: { from: ['robot:a'], allow: { hight: 1 } } } },
      'gates.vulnerabilities.allow.hight',
      'high',
    ],
    [{ key: {} }, 'key', 'keys'],
  ])('unknown key %j of the gates on evidence, with the nearest name', (value, field, nearest) => {
    const issue = issuesOf(value).find((one) => one.rule === 'unknown_key')
    expect(issue?.field).toBe(field)
    expect(issue?.message).toContain(`did you mean "${nearest}"`)
  })

  test.each([
    [{ gates: { tests: [{ from: ['key:ci'] }] } }, 'gates.tests[0].from[0]'],
    [{ gates: { tests: [{ from: ['key:c1'] }] }, keys: { ci: PEM } }, 'gates.tests[0].from[0]'],
    [
      { gates: { vulnerabilities: { from: ['robot:a'], vex: { from: ['user:a', 'key:x'] } } } },
      'gates.vulnerabilities.vex.from[1]',
    ],
    [{ gates: { tests: [{ from: [] }] } }, 'gates.tests[0].from'],
    [{ gates: { tests: [{ from: ['anyone'] }] } }, 'gates.tests[0].from[0]'],
    [{ gates: { signatures: [{ from: ['robot:a'] }] } }, 'gates.signatures[0].from'],
    [{ gates: { evidence: [{ type: 'sbon', from: ['robot:a'] }] } }, 'gates.evidence[0].type'],
    [{ gates: { sbom: { from: ['robot:a'], of: 'index' } } }, 'gates.sbom.of'],
    [
      {
        gates: {
          vulnerabilities: { from: ['robot:a'], exceptions: [{ id: 'CVE-1', until: 'soon', owner: 'anna' }] },
        },
      },
      'gates.vulnerabilities.exceptions[0].owner',
    ],
    [{ keys: { ci: 'no key' } }, 'keys.ci'],
    [{ keys: { 'c i': PEM } }, 'keys.c i'],
  ])('%j of the gates on evidence', (value, field) => {
    expect(issuesOf(value).map((issue) => issue.field)).toContain(field)
  })

  test('a key that is named almost right is guessed', () => {
    const [issue] = issuesOf({ gates: { tests: [{ from: ['key:c1'] }] }, keys: { ci: PEM } })
    expect(issue?.message).toContain('did you mean "ci"')
  })

  test('an unlike key gets no guess; a hostile one is cut and escaped', () => {
    const [unlike] = issuesOf({ zzzzzzzzzzzz: 1 })
    expect(unlike?.message).not.toContain('did you mean')
    const [hostile] = issuesOf({ [`\u001b[31m${'x'.repeat(100_000)}`]: 1 })
    expect(hostile?.message.length).toBeLessThan(300)
    expect(hostile?.message).not.toContain('\u001b')
  })
})

describe('identities', () => {
  const identity = { root: 'sigstore', issuer: 'https://i', subject: 'https://github.com/acme/*' }
  test.each<[object, string]>([
    [
      { gates: { tests: [{ from: ['identity:relase'] }] }, identities: { release: identity } },
      'gates.tests[0].from[0]: "relase" is no identity of this lane; did you mean "release"? known are release; identities.release.root: "sigstore" is no root of this lane; the lane has none',
    ],
    [
      { gates: { signatures: [{ from: ['identity:x'] }] } },
      'gates.signatures[0].from[0]: "x" is no identity of this lane; the lane has none',
    ],
    [{ roots: { sigstore: '{}' } }, 'roots.sigstore: the trusted root names no certificate authority'],
    [
      { identities: { a: { ...identity, issuer: 'two words', subject: '' } } },
      'identities.a.issuer: must be the issuer as its certificates name it; identities.a.subject: must be an address or a URI; * is any run of characters',
    ],
    [
      { identities: { a: { ...identity, subjet: 'x' } } },
      'identities.a.subjet: "subjet" is not known here; did you mean "subject"? known are root, issuer, subject',
    ],
    [{ keys: { A: 'x' } }, 'keys.A: Invalid key in record'],
    [
      { identities: Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`i${i}`, identity])) },
      'identities: at most 20 identities',
    ],
    [
      { roots: Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`r${i}`, ''])) },
      'roots.r0: the trusted root',
    ],
  ])('%j is refused, saying where', (policy, message) => {
    expect(said(policy).slice(0, message.length)).toBe(message)
  })

  test('are of a root that the lane has', async () => {
    const root = JSON.stringify((await openSigstore()).trustedRoot())
    const policy = {
      gates: { signatures: [{ from: ['identity:a'] }] },
      identities: { a: identity },
      roots: { sigstore: root },
    }
    expect(parsePolicy(policy)).toMatchObject(policy)
    const more = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`r${i}`, root]))
    expect(said({ roots: more(5) })).toBe('nothing')
    expect(said({ roots: more(6) })).toBe('roots: at most 5 roots')
    expect(said({ roots: { a: root + ' '.repeat(65_537) } })).toMatch(/^roots\.a: Too big/)
  })
})
