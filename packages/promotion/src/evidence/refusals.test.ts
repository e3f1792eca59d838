import assert from 'node:assert/strict'
import { describe, expect, test } from 'vitest'
import { PromotionError, readEvidence } from '../index.ts'

// What is told of evidence that is not taken, word for word, and what the bounds are.

const hex = 'a'.repeat(64)
const bytesOf = (value: unknown) =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))

function said(value: unknown): string {
  try {
    readEvidence(value instanceof Uint8Array ? value : bytesOf(value))
  } catch (error) {
    if (!(error instanceof PromotionError)) throw error
    assert.deepEqual([error.issues[0]?.field, error.issues[0]?.rule], ['content', 'evidence'])
    return error.message.replace('content: the evidence cannot be read: ', '')
  }
  return 'nothing'
}

const statement = (over: object = {}) => ({
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ digest: { sha256: hex } }],
  predicateType: 'https://e.com/p',
  predicate: {},
  ...over,
})
/** Why a statement's predicate was not understood; null: it was. */
function unreadable(predicateType: string, predicate: unknown): string | null {
  const { summary, claimedAt } = readEvidence(bytesOf(statement({ predicateType, predicate })))
  if (summary.kind !== 'unreadable') return null
  assert.equal(claimedAt, null)
  return summary.reason.replace('content: the evidence cannot be read: ', '')
}

const nested = (levels: number) => `{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`

describe('the whole', () => {
  test.each<[unknown, string]>([
    ['nonsense', 'it is neither JSON nor XML'],
    [
      '[1]',
      'its format is none that is known: DSSE, Sigstore bundle, in-toto, Trivy, Grype, SARIF, CycloneDX, SPDX 2, OpenVEX, JUnit XML',
    ],
    [new Uint8Array([0xff, 0xfe]), 'it is not UTF-8'],
    [nested(129), 'it nests deeper than 128 levels'],
    [
      `<${' '.repeat(4 * 1024 * 1024)}`,
      'as XML it has more than 4194304 characters; leave out what the tests wrote',
    ],
    [new Uint8Array(16 * 1024 * 1024 + 1), 'it has 16777217 bytes; at most 16777216 are taken'],
    [
      statement({ _type: 'https://in-toto.io/Statement/v2' }),
      'the payload is no in-toto Statement v1 or v0.1',
    ],
    [statement({ predicateType: '' }), 'predicateType is missing'],
    [statement({ subject: [] }), 'no subject has a digest sha256 or sha512'],
    [statement({ subject: {} }), 'subject is no list'],
    [
      statement({ subject: Array.from({ length: 1_001 }, () => ({})) }),
      'subject has 1001 parts; at most 1000 are read',
    ],
    [
      { payloadType: 'text/plain', payload: '', signatures: [{ sig: 'AAAA' }] },
      'the payload type of the envelope is not application/vnd.in-toto+json',
    ],
    [
      { mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.3' },
      'the bundle carries neither a DSSE envelope nor a signature of a message',
    ],
    [
      { mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json', messageSignature: {} },
      'the message digest of the bundle is neither SHA2_256 nor SHA2_512',
    ],
    [
      {
        payloadType: 'application/vnd.dev.cosign.simplesigning.v1+json',
        payload: Buffer.from('{}').toString('base64'),
        signatures: [{ sig: 'AAAA' }],
      },
      'the payload is no signature of an image',
    ],
  ])('%#', (value, message) => {
    expect(said(value)).toBe(message)
  })

  test('what just fits', () => {
    expect(said(nested(128))).toMatch(/^its format is none/)
    expect(
      said(statement({ subject: Array.from({ length: 1_000 }, () => ({ digest: { sha256: hex } })) })),
    ).toBe('nothing')
    expect(said(statement({ _type: 'https://in-toto.io/Statement/v0.1' }))).toBe('nothing')
    expect(
      said(`<testsuite><testcase name="a"/>${' '.repeat(4_194_304 - 44)}</testsuite>`.slice(0, 4_194_304)),
    ).toBe('nothing')
    for (const wrong of ['xhttps://in-toto.io/Statement/v1', 'https://in-toto.io/Statement/v1x']) {
      expect(said(statement({ _type: wrong }))).toBe('the payload is no in-toto Statement v1 or v0.1')
    }
  })
})

describe('JUnit', () => {
  test.each<[string, string]>([
    ['<!DOCTYPE a><testsuite/>', 'a document type is not taken'],
    ['<html/>', 'it is no JUnit report: its root is neither testsuites nor testsuite'],
    ['<testsuite>', 'no well-formed XML (Unclosed root tag)'],
    ['<testsuite><testcase><testcase/></testcase></testsuite>', 'a test case stands inside another'],
    ['<testsuite/>', 'no test of it ran'],
    ['<testsuite>'.repeat(65), 'it nests deeper than 64 levels'],
  ])('%s', (xml, message) => {
    expect(said(xml)).toBe(message)
  })

  test('as deep as may be; a failure outside of any case; names, the first twenty', () => {
    const deep = `${'<testsuite>'.repeat(63)}<testcase name="a"/>${'</testsuite>'.repeat(63)}`
    expect(readEvidence(bytesOf(deep)).summary).toMatchObject({ result: 'PASSED', passed: 1 })
    const many = Array.from(
      { length: 21 },
      (_, i) => `<testcase classname="c" name="t${i}"><failure/></testcase>`,
    )
    const { summary } = readEvidence(bytesOf(`<testsuites>${many.join('')}</testsuites>`))
    expect(summary).toMatchObject({ result: 'FAILED', failed: 21, failedTests: { length: 20 } })
    const both = readEvidence(
      bytesOf(
        '<testsuite><error/><testcase name="x"><error/></testcase><testcase><skipped/></testcase></testsuite>',
      ),
    )
    expect(both.summary).toEqual({
      kind: 'test',
      result: 'FAILED',
      passed: 0,
      warned: 0,
      failed: 1,
      failedTests: ['x'],
    })
    // Skipped outside of a case, and a case that is both.
    const odd = readEvidence(
      bytesOf('<testsuite><skipped/><testcase><skipped/><failure/></testcase><testcase/></testsuite>'),
    )
    expect(odd.summary).toMatchObject({ passed: 1, failed: 1, failedTests: [''] })
  })
})

describe('scans', () => {
  const trivy = { SchemaVersion: 2, Results: [] as unknown[] }
  const grype = { matches: [] as unknown[], descriptor: { name: 'grype' } }
  const sarif = (run: object) => ({ version: '2.1.0', runs: [{ tool: { driver: {} }, ...run }] })
  test.each<[unknown, string]>([
    [{ ...trivy, SchemaVersion: 1 }, 'this is no Trivy report of SchemaVersion 2'],
    [{ ...trivy, ArtifactType: 'filesystem' }, 'it is a Trivy report about a filesystem, not about an image'],
    [{ ...trivy, ArtifactType: 7 }, 'it is a Trivy report about a thing, not about an image'],
    [{ SchemaVersion: 2 }, 'it has neither Results nor Metadata'],
    [{ ...trivy, Results: {} }, 'Results is no list'],
    [{ ...trivy, Results: [{ Vulnerabilities: {} }] }, 'Vulnerabilities is no list'],
    [{ ...trivy, Results: [{ Vulnerabilities: [{}] }] }, 'VulnerabilityID is missing'],
    [{ ...trivy, Metadata: { RepoDigests: {} } }, 'RepoDigests is no list'],
    [
      { ...trivy, Results: [{ Class: 'secret' }, { Class: 'license' }, { Class: 'secret' }] },
      'it looked for no vulnerabilities, only for secret, license',
    ],
    [{ ...grype, descriptor: { name: 'syft' } }, 'this is no report of Grype'],
    [{ ...grype, matches: {} }, 'this is no report of Grype'],
    [{ ...grype, matches: [{}] }, 'vulnerability.id is missing'],
    [
      { ...grype, matches: [{ vulnerability: { id: 'C', fix: { versions: {} } } }] },
      'fix.versions is no list',
    ],
    [{ ...grype, source: { target: { repoDigests: 'x' } } }, 'repoDigests is no list'],
    [{ version: '2.0.0', runs: [] }, 'this is no SARIF of version 2.1.0'],
    [{ version: '2.1.0', runs: [] }, 'it has no runs'],
    [sarif({ results: [{}] }), 'ruleId is missing'],
    [sarif({ results: {} }), 'results is no list'],
    [sarif({ tool: { driver: { rules: {} } } }), 'rules is no list'],
    [sarif({ invocations: [{ executionSuccessful: false }] }), 'the scan did not succeed'],
    [sarif({ results: [{ ruleId: 'R', locations: {} }] }), 'locations is no list'],
  ])('%#', (value, message) => {
    expect(said(value)).toBe(message)
  })

  test('what a finding without its fields is', () => {
    const findings = (value: unknown) => {
      const { summary } = readEvidence(bytesOf(value))
      return summary.kind === 'vulnerabilities' ? [summary.scanner, summary.findings] : null
    }
    expect(findings({ ...trivy, Results: [{ Vulnerabilities: [{ VulnerabilityID: 'C-1' }] }, {}] })).toEqual([
      'trivy',
      [{ id: 'C-1', severity: 'unknown', package: '?', version: '?', fixed: null }],
    ])
    const fixes = [
      { state: 'fixed', versions: ['2', '3'] },
      { state: 'fixed', versions: [] },
      { state: 'not-fixed', versions: ['2'] },
    ]
    expect(
      findings({
        ...grype,
        matches: fixes.map((fix, i) => ({ vulnerability: { id: `C-${i}`, severity: 'LOW', fix } })),
      }),
    ).toEqual([
      'grype',
      ['2', '?', null].map((fixed, i) => ({
        id: `C-${i}`,
        severity: 'low',
        package: '?',
        version: '?',
        fixed,
      })),
    ])
    expect(
      findings(
        sarif({
          results: [
            { ruleId: 'R', kind: 'pass' },
            {
              ruleId: 'S',
              kind: 'fail',
              locations: [{ physicalLocation: { artifactLocation: { uri: 'a/b' } } }],
            },
            { ruleId: 'T' },
          ],
        }),
      ),
    ).toEqual([
      'sarif',
      [
        { id: 'S', severity: 'medium', package: 'a/b', version: '?', fixed: null },
        { id: 'T', severity: 'medium', package: '?', version: '?', fixed: null },
      ],
    ])
  })

  test('one row a vulnerability and package version; the end of the last run', () => {
    const row = (over: object) => ({
      VulnerabilityID: 'C',
      PkgName: 'p',
      InstalledVersion: '1',
      Severity: 'LOW',
      ...over,
    })
    const rows = [
      {},
      {},
      { VulnerabilityID: 'D' },
      { PkgName: 'q' },
      { InstalledVersion: '2' },
      { Severity: 'HIGH' },
    ].map(row)
    const { summary } = readEvidence(bytesOf({ ...trivy, Results: [{ Vulnerabilities: rows }] }))
    expect(summary).toMatchObject({ findings: { length: 5 } })
    const run = (endTimeUtc?: string) => ({
      tool: { driver: { name: 'x' } },
      invocations: [{ executionSuccessful: true, ...(endTimeUtc && { endTimeUtc }) }],
    })
    const ended = (...ends: (string | undefined)[]) =>
      readEvidence(bytesOf({ version: '2.1.0', runs: ends.map(run) })).claimedAt
    expect(ended('2026-03-01T10:00:00Z', '2026-03-02T10:00:00Z', '2026-03-01T12:00:00Z')).toEqual(
      new Date('2026-03-02T10:00:00Z'),
    )
    expect(ended(undefined)).toBeNull()
  })
})

describe('SBOMs', () => {
  const cyclone = { bomFormat: 'CycloneDX', components: [{ name: 'a' }] }
  const spdx = { spdxVersion: 'SPDX-2.3', packages: [{ name: 'a' }] }
  const towers: object[] = [{ name: 'x' }]
  for (let i = 0; i < 32; i++) towers.push({ name: 'x', components: [towers[i]] })
  test.each<[unknown, string]>([
    [{ ...cyclone, bomFormat: 'Other' }, 'this is no CycloneDX document'],
    [{ ...cyclone, components: {} }, 'components is no list'],
    [{ ...cyclone, components: [] }, 'it lists no package'],
    [{ ...cyclone, components: [{ type: 'file', name: 'a' }] }, 'it lists no package'],
    [{ ...cyclone, components: [towers[32]] }, 'components nest deeper than 32 levels'],
    [{ ...cyclone, components: [{ name: 'a', licenses: {} }] }, 'licenses is no list'],
    [
      {
        ...cyclone,
        components: Array.from({ length: 5_001 }, (_, i) => ({ licenses: [{ expression: `L${i}` }] })),
      },
      'more than 5000 distinct licences',
    ],
    [{ ...spdx, spdxVersion: 2 }, 'this is no SPDX document'],
    [{ ...spdx, packages: {} }, 'packages is no list'],
    [{ ...spdx, packages: [] }, 'it lists no package'],
    [{ ...spdx, relationships: {} }, 'relationships is no list'],
    [{ ...spdx, documentDescribes: 'x' }, 'documentDescribes is no list'],
    [
      { ...spdx, packages: [{ SPDXID: 'I', externalRefs: {} }, { name: 'a' }], documentDescribes: ['I'] },
      'externalRefs is no list',
    ],
  ])('%#', (value, message) => {
    expect(said(value)).toBe(message)
  })

  test('what just fits, the first three packages of a licence, and packages without names', () => {
    expect(said({ ...cyclone, components: [towers[31]] })).toBe('nothing')
    const { summary } = readEvidence(
      bytesOf({
        ...cyclone,
        components: ['a', 'b', 'c', 'd'].map((name) => ({ name, licenses: [{ license: { id: 'MIT' } }] })),
      }),
    )
    expect(summary).toMatchObject({ licences: [{ licence: 'MIT', count: 4, packages: ['a', 'b', 'c'] }] })
    expect(readEvidence(bytesOf({ ...cyclone, components: [{ version: '1' }] })).summary).toMatchObject({
      licences: [{ packages: ['?@1'] }],
    })
    const concluded = readEvidence(
      bytesOf({
        ...spdx,
        packages: [{ name: 'a', licenseConcluded: 'MIT', licenseDeclared: 'GPL-2.0-only' }],
      }),
    )
    expect(concluded.summary).toMatchObject({ licences: [{ licence: 'MIT', count: 1 }] })
  })

  test('the image, as each tool names it', () => {
    const subjects = (value: unknown) => readEvidence(bytesOf(value)).subjects
    const digest = `sha256:${hex}`
    const component = (over: object) => ({ ...cyclone, metadata: { component: over } })
    const property = (name: string) => ({ properties: [{ name, value: `a@${digest}` }] })
    expect(subjects(component({ version: digest }))).toEqual([digest])
    expect(subjects(component(property('aquasecurity:trivy:RepoDigest')))).toEqual([digest])
    expect(subjects(component(property('other')))).toBeNull()
    const described = (over: object) => ({
      ...spdx,
      packages: [{ SPDXID: 'I', ...over }, { name: 'a' }],
      documentDescribes: ['I'],
    })
    expect(subjects(described({ versionInfo: digest }))).toEqual([digest])
    expect(subjects(described({ name: `app@${digest}` }))).toEqual([digest])
    expect(
      subjects(
        described({ externalRefs: [{ referenceLocator: `pkg:oci/app@${digest.replace(':', '%3A')}` }] }),
      ),
    ).toEqual([digest])
    expect(subjects(described({ comment: digest }))).toBeNull()
  })
})

describe('OpenVEX', () => {
  const vex = (statements: unknown, over: object = {}) => ({
    '@context': 'https://openvex.dev/ns/v0.2.0',
    statements,
    ...over,
  })
  test.each<[unknown, string]>([
    [vex([], { '@context': 'https://openvex.dev/other' }), 'this is no OpenVEX document'],
    [vex([], { '@context': ['https://openvex.dev/ns'] }), 'this is no OpenVEX document'],
    [vex(undefined), 'it has no statements'],
    [vex({}), 'it has no statements'],
    [
      vex([{ vulnerability: 'C', status: 'fine' }]),
      'statements[0].status is none of not_affected, affected, fixed, under_investigation',
    ],
    [vex([{ status: 'fixed' }]), 'statements[0].vulnerability.name is missing'],
    [vex([{ status: 'fixed', vulnerability: ' ' }]), 'statements[0].vulnerability is missing'],
    [vex([{ status: 'fixed', vulnerability: { name: 'C', aliases: {} } }]), 'aliases is no list'],
    [vex([{ status: 'fixed', vulnerability: 'C', products: {} }]), 'products is no list'],
    [
      vex([{ status: 'fixed', vulnerability: 'C', products: [{ subcomponents: {} }] }]),
      'subcomponents is no list',
    ],
    [
      vex([{ status: 'fixed', vulnerability: 'C', products: [{ subcomponents: [{}] }] }]),
      'subcomponents[].@id is missing',
    ],
  ])('%#', (value, message) => {
    expect(said(value)).toBe(message)
  })

  test('products and the packages in them', () => {
    const { summary, claimedAt, subjects } = readEvidence(
      bytesOf(
        vex(
          [
            {
              status: 'affected',
              vulnerability: 'C',
              products: [
                {
                  identifiers: { purl: `pkg:oci/app@sha256%3A${hex}` },
                  subcomponents: [
                    'pkg:npm/%40scope/left@1.0?x=y',
                    { '@id': 'pkg:golang/a/b#sub' },
                    { '@id': 'plain name' },
                  ],
                },
                'pkg:generic/other',
              ],
            },
            { status: 'fixed', vulnerability: 'D', products: ['pkg:generic/other'] },
            { status: 'fixed', vulnerability: 'E' },
          ],
          { timestamp: '2026-01-01T00:00:00Z' },
        ),
      ),
    )
    expect([claimedAt, subjects]).toEqual([new Date('2026-01-01T00:00:00Z'), null])
    const plain = { justification: null, packages: [] }
    expect(summary).toEqual({
      kind: 'vex',
      statements: [
        {
          ...plain,
          vulnerabilities: ['C'],
          status: 'affected',
          images: [`sha256:${hex}`],
          elsewhere: false,
          packages: ['left', 'b', 'plain name'],
        },
        { ...plain, vulnerabilities: ['D'], status: 'fixed', images: [], elsewhere: true },
        { ...plain, vulnerabilities: ['E'], status: 'fixed', images: [], elsewhere: false },
      ],
    })
    const updated = vex([{ status: 'fixed', vulnerability: 'C' }], {
      timestamp: '2026-01-01T00:00:00Z',
      last_updated: '2026-01-02T00:00:00+01:00',
    })
    expect(readEvidence(bytesOf(updated)).claimedAt).toEqual(new Date('2026-01-01T23:00:00Z'))
  })
})

describe('predicates', () => {
  const TEST = 'https://in-toto.io/attestation/test-result/v0.1'
  test.each<[string, unknown, string | null]>([
    [TEST, { result: 'passed' }, 'result is none of PASSED, WARNED, FAILED'],
    [TEST, { result: 'PASSED', failedTests: {} }, 'failedTests is no list'],
    [TEST, { result: 'PASSED', passedTests: 'a' }, 'passedTests is no list'],
    [TEST, { result: 'PASSED', warnedTests: 1 }, 'warnedTests is no list'],
    [TEST, { result: 'WARNED' }, null],
    ['https://slsa.dev/provenance/v1', {}, 'builder.id is missing'],
    ['https://slsa.dev/provenance/v1', null, 'builder.id is missing'],
    ['https://slsa.dev/provenance/v0.2', { builder: { id: 'b' } }, null],
    ['https://cyclonedx.org/bom/v1.6', { bomFormat: 'x' }, 'this is no CycloneDX document'],
    ['https://spdx.dev/Document', {}, 'this is no SPDX document'],
    ['https://openvex.dev/ns', {}, 'this is no OpenVEX document'],
    ['https://cosign.sigstore.dev/attestation/vuln/v1', {}, 'this is no report of Grype'],
    [
      'https://cosign.sigstore.dev/attestation/vuln/v1',
      { scanner: { result: { SchemaVersion: 1 } } },
      'this is no Trivy report of SchemaVersion 2',
    ],
    [
      'https://cosign.sigstore.dev/attestation/vuln/v1',
      { scanner: { result: { runs: [] } } },
      'this is no SARIF of version 2.1.0',
    ],
  ])('%s %j', (predicateType, predicate, reason) => {
    expect(unreadable(predicateType, predicate)).toBe(reason)
  })

  test.each<[string, string]>([
    [TEST, 'test'],
    [`${TEST}.1`, 'statement'],
    [`x${TEST}`, 'statement'],
    ['https://slsa.dev/provenance/v1', 'provenance'],
    ['https://slsa.dev/provenance/v0.2', 'provenance'],
    ['https://slsa.dev/provenance/v0.1', 'statement'],
    ['https://slsa.dev/provenance/v1.1', 'statement'],
    ['xhttps://slsa.dev/provenance/v1', 'statement'],
    ['https://cyclonedx.org/bom', 'sbom'],
    ['https://cyclonedx.org/bom/v1.10', 'sbom'],
    ['https://cyclonedx.org/bom/v10.1', 'sbom'],
    ['https://cyclonedx.org/bom/v1.1x', 'statement'],
    ['xhttps://cyclonedx.org/bom', 'statement'],
    ['https://spdx.dev/Document', 'sbom'],
    ['https://spdx.dev/Document/v2.30', 'sbom'],
    ['https://spdx.dev/Document/v3.0', 'statement'],
    ['https://spdx.dev/Document/v2.3x', 'statement'],
    ['xhttps://spdx.dev/Document', 'statement'],
    ['https://cosign.sigstore.dev/attestation/vuln/v1', 'vulnerabilities'],
    ['https://cosign.sigstore.dev/attestation/vuln/v10', 'statement'],
    ['xhttps://cosign.sigstore.dev/attestation/vuln/v1', 'statement'],
    ['https://openvex.dev/ns', 'vex'],
    ['https://openvex.dev/ns/v0.2.0', 'vex'],
    ['https://openvex.dev/ns/vx', 'statement'],
    ['https://openvex.dev/ns/v0.2.0/x', 'statement'],
    ['xhttps://openvex.dev/ns', 'statement'],
    ['https://sigstore.dev/cosign/sign/v1', 'signature'],
    ['https://sigstore.dev/cosign/sign/v1.1', 'statement'],
    ['xhttps://sigstore.dev/cosign/sign/v1', 'statement'],
  ])('%s is %s', (predicateType, type) => {
    expect(readEvidence(bytesOf(statement({ predicateType }))).type).toBe(type)
  })

  test('a test result, and provenance of both versions', () => {
    const read = (predicateType: string, predicate: object) => {
      const { claimedAt, summary } = readEvidence(bytesOf(statement({ predicateType, predicate })))
      return { claimedAt, summary }
    }
    const failedTests = ['', ...Array.from({ length: 20 }, (_, i) => `t${i}`)]
    expect(
      read(TEST, { result: 'FAILED', passedTests: ['a'], warnedTests: ['b', 'c'], failedTests }),
    ).toEqual({
      claimedAt: null,
      summary: {
        kind: 'test',
        result: 'FAILED',
        passed: 1,
        warned: 2,
        failed: 21,
        failedTests: failedTests.slice(1, 20),
      },
    })
    expect(
      read('https://slsa.dev/provenance/v0.2', {
        builder: { id: 'b' },
        buildType: 't',
        metadata: { buildFinishedOn: '2026-01-01T00:00:00Z' },
      }),
    ).toEqual({
      claimedAt: new Date('2026-01-01T00:00:00Z'),
      summary: { kind: 'provenance', builder: 'b', buildType: 't' },
    })
    expect(
      read('https://slsa.dev/provenance/v1', {
        buildDefinition: { buildType: 't' },
        runDetails: { builder: { id: 'b' }, metadata: { finishedOn: '2026-01-02T00:00:00Z' } },
        builder: { id: 'not this' },
        buildType: 'nor this',
      }),
    ).toEqual({
      claimedAt: new Date('2026-01-02T00:00:00Z'),
      summary: { kind: 'provenance', builder: 'b', buildType: 't' },
    })
  })
})

test('times are RFC 3339 with a zone, or none', () => {
  const at = (CreatedAt: unknown) =>
    readEvidence(bytesOf({ SchemaVersion: 2, Results: [], CreatedAt })).claimedAt?.toISOString() ?? null
  expect(at('2026-03-01T10:00:00Z')).toBe('2026-03-01T10:00:00.000Z')
  expect(at('2026-03-01T10:00Z')).toBe('2026-03-01T10:00:00.000Z')
  expect(at('2026-03-01T10:00:00.123456789+01:30')).toBe('2026-03-01T08:30:00.123Z')
  for (const wrong of [
    '2026-03-01T10:00:00',
    '2026-03-01',
    'x2026-03-01T10:00:00Z',
    '2026-03-01T10:00:00Zx',
    '2026-13-01T10:00:00Z',
    '2026-03-01T10:00:00.Z',
    1,
    null,
  ]) {
    expect(at(wrong)).toBeNull()
  }
})

test('digests are found whole, in either case and form', () => {
  const found = (digest: string) =>
    readEvidence(bytesOf({ SchemaVersion: 2, Metadata: { RepoDigests: [digest] } })).subjects
  expect(found(`a@sha256:${hex}`)).toEqual([`sha256:${hex}`])
  expect(found(`a@SHA256%3A${hex.toUpperCase()}?x`)).toEqual([`sha256:${hex}`])
  expect(found(`sha256:${hex}0`)).toEqual([])
  expect(found(`sha256:${hex.slice(1)}`)).toEqual([])
  expect(found(`sha512:${hex}`)).toEqual([])
  expect(found(`sha512:${hex}${hex}`)).toEqual([`sha512:${hex}${hex}`])
  expect(found(`sha512:${hex}${hex}0`)).toEqual([])
  expect(found(`${'x'.repeat(4096 - 71)}sha256:${hex}`)).toEqual([`sha256:${hex}`])
  expect(found(`${'x'.repeat(4097 - 71)}sha256:${hex}`)).toEqual([])
})
