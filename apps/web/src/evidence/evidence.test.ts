import { describe, expect, test } from 'vitest'
import { readPackages } from './packages.ts'
import { bySeverity, compareFindings, findingsOf, inWords } from './summary.ts'

const cyclonedx = {
  bomFormat: 'CycloneDX',
  components: [
    { name: 'zlib', version: '1.3' },
    { group: '@acme', name: 'ui', version: '2.0' },
    { name: 'zlib', version: '1.2' },
    { version: 'nameless' },
    7,
  ],
}
const listed = { zlib: '1.2, 1.3', '@acme/ui': '2.0' }
const spdx = { spdxVersion: 'SPDX-2.3', packages: [{ name: 'zlib', versionInfo: '1.3' }, { name: 'app' }] }
const statement = { _type: 'https://in-toto.io/Statement/v1', predicate: cyclonedx }
const envelope = {
  payloadType: 'application/vnd.in-toto+json',
  payload: Buffer.from(JSON.stringify(statement)).toString('base64'),
}

describe('packages of an SBOM', () => {
  test.each([
    ['CycloneDX', cyclonedx, listed],
    ['SPDX', spdx, { zlib: '1.3', app: '' }],
    ['a signed statement', envelope, listed],
    ['a Sigstore bundle', { dsseEnvelope: envelope }, listed],
  ])('%s', (_, document, packages) => {
    expect(Object.fromEntries(readPackages(JSON.stringify(document)) ?? [])).toEqual(packages)
  })

  test.each(['', '{', '[]', '{}', '{"payload":"%%%"}', '{"payload":""}', '<xml/>'])(
    '%j is none',
    (content) => {
      expect(readPackages(content)).toBeNull()
    },
  )
})

const finding = (id: string, severity: string, name = 'zlib') => ({
  id,
  severity,
  package: name,
  version: '1',
  fixed: null,
})

describe('vulnerabilities', () => {
  const scan = {
    kind: 'vulnerabilities',
    findings: [finding('B', 'low'), finding('A', 'critical'), finding('C', 'odd'), 7],
  }

  test('the worst first', () => {
    expect(findingsOf(scan).map(({ id }) => id)).toEqual(['A', 'B', 'C'])
    expect(bySeverity(findingsOf(scan))).toEqual([
      ['critical', 1],
      ['low', 1],
      ['odd', 1],
    ])
    expect(findingsOf({ kind: 'sbom', findings: scan.findings })).toEqual([])
  })

  test('fixed, new and kept, by name and package', () => {
    const changes = compareFindings(
      [finding('A', 'low'), finding('B', 'low')],
      [finding('B', 'high'), finding('B', 'low', 'curl')],
    )
    expect(changes.fixed.map(({ id }) => id)).toEqual(['A'])
    expect(changes.found.map(({ package: name }) => name)).toEqual(['curl'])
    expect(changes.kept).toBe(1)
  })
})

test.each([
  [{ kind: 'test', result: 'FAILED', passed: 3, warned: 0, failed: 1 }, 'failed: 3 passed, 1 failed'],
  [
    { kind: 'test', result: 'PASSED', passed: 3, warned: 2, failed: 0 },
    'passed: 3 passed, 0 failed, 2 with warnings',
  ],
  [{ kind: 'vulnerabilities', findings: [] }, 'nothing found'],
  [{ kind: 'vulnerabilities', findings: [finding('A', 'high')] }, '1 high'],
  [{ kind: 'sbom', packages: 12 }, '12 packages'],
  [{ kind: 'provenance', builder: 'ci' }, 'built by ci'],
  [{ kind: 'unreadable', reason: 'no JSON' }, 'cannot be read: no JSON'],
  [{ kind: 'signature' }, ''],
])('%j in words', (summary, words) => {
  expect(inWords(summary)).toBe(words)
})
