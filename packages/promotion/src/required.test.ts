import { expect, test } from 'vitest'
import { type EvidenceType, isRequired, parsePolicy } from './index.ts'

const robot = ['robot:ci']
const statement = 'https://example.com/review/v1'

test.each<[string, object, { type: EvidenceType; predicateType?: string; from?: string[] }, boolean]>([
  ['no rule', {}, { type: 'sbom' }, false],
  ['tests', { tests: [{ from: robot }] }, { type: 'test' }, true],
  ['tests, another type', { tests: [{ from: robot }] }, { type: 'sbom' }, false],
  ['tests, of nobody in from', { tests: [{ from: robot }] }, { type: 'test', from: ['user:eve'] }, false],
  ['the second rule', { tests: [{ from: ['user:anna'] }, { from: robot }] }, { type: 'test' }, true],
  ['signatures', { evidence: [{ type: 'signature', from: robot }] }, { type: 'signature' }, true],
  ['provenance', { provenance: { builders: ['*'], from: robot } }, { type: 'provenance' }, true],
  ['an SBOM', { sbom: { from: robot } }, { type: 'sbom' }, true],
  ['an SBOM for its licences', { licences: { deny: ['X'], from: robot } }, { type: 'sbom' }, true],
  ['a scan', { vulnerabilities: { from: robot } }, { type: 'vulnerabilities' }, true],
  ['VEX of nobody who was asked', { vulnerabilities: { from: robot } }, { type: 'vex' }, false],
  ['VEX', { vulnerabilities: { from: ['user:a'], vex: { from: robot } } }, { type: 'vex' }, true],
  [
    'a predicate type',
    { evidence: [{ type: statement, from: robot }] },
    { type: 'statement', predicateType: statement },
    true,
  ],
  [
    'another predicate type',
    { evidence: [{ type: statement, from: robot }] },
    { type: 'statement', predicateType: `${statement}.1` },
    false,
  ],
])('%s', (_, gates, { type, predicateType = null, from = robot }, required) => {
  expect(isRequired(parsePolicy({ gates }), { type, predicateType, from })).toBe(required)
})

test('a signature by a key of the lane', () => {
  const pem = `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
`
  const policy = parsePolicy({ keys: { ci: pem }, gates: { signatures: [{ from: ['key:ci'] }] } })
  const signature = { type: 'signature', predicateType: null } as const
  expect(isRequired(policy, { ...signature, from: ['user:eve', 'key:ci'] })).toBe(true)
  expect(isRequired(policy, { ...signature, from: ['user:eve'] })).toBe(false)
})
