import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { readEvidence, wrapSimpleSigning } from '../index.ts'
import {
  cyclonedx,
  digest,
  envelope,
  grype,
  openvex,
  other,
  passed,
  read,
  sarif,
  signedMessage,
  statement,
  TEST_RESULT,
  trivy,
} from './test-documents.ts'

const long = `sha512:${'c'.repeat(128)}`
const spdx = {
  spdxVersion: 'SPDX-2.3',
  creationInfo: { created: '2026-03-01T06:00:00Z' },
  documentDescribes: ['SPDXRef-image'],
  packages: [
    {
      SPDXID: 'SPDXRef-image',
      name: 'app',
      externalRefs: [{ referenceLocator: `pkg:oci/app@sha256%3A${'a'.repeat(64)}` }],
    },
    {
      SPDXID: 'SPDXRef-1',
      name: 'x',
      versionInfo: '1',
      licenseConcluded: 'NOASSERTION',
      licenseDeclared: 'MIT',
    },
    {
      SPDXID: 'SPDXRef-2',
      name: 'y',
      versionInfo: '2',
      licenseConcluded: 'Apache-2.0',
      licenseDeclared: 'MIT',
    },
  ],
}
const junit = `<?xml version="1.0"?><testsuites tests="99" failures="0"><testsuite name="s">
  <testcase classname="k" name="a"/><testcase name="b"><skipped/></testcase>
  <testcase classname="k" name="c"><failure message="x &lt; y"><![CDATA[why]]></failure></testcase></testsuite></testsuites>`

describe('each format is known by what it is', () => {
  test.each<[string, unknown, object]>([
    [
      'trivy',
      trivy,
      {
        type: 'vulnerabilities',
        subjects: [digest],
        claimedAt: new Date('2026-03-01T09:00:00.123Z'),
        summary: {
          kind: 'vulnerabilities',
          scanner: 'trivy',
          findings: [
            { id: 'CVE-1', severity: 'critical', package: 'ssl', version: '1', fixed: '2' },
            { id: 'CVE-2', severity: 'unknown', package: 'zip', version: '3', fixed: null },
          ],
        },
      },
    ],
    [
      'grype',
      grype,
      {
        type: 'vulnerabilities',
        subjects: [digest],
        summary: {
          findings: [
            { id: 'CVE-3', severity: 'high', package: 'curl', version: '8', fixed: '9' },
            { id: 'CVE-4', severity: 'negligible', fixed: null },
          ],
        },
      },
    ],
    [
      'sarif',
      sarif,
      {
        type: 'vulnerabilities',
        subjects: null,
        claimedAt: new Date('2026-03-01T08:00:00Z'),
        summary: {
          findings: [
            { id: 'R1', severity: 'critical' },
            { id: 'R2', severity: 'low' },
            { id: 'R3', severity: 'medium' },
          ],
        },
      },
    ],
    [
      'cyclonedx',
      cyclonedx,
      {
        type: 'sbom',
        subjects: [digest],
        summary: {
          packages: 3,
          licences: [
            { licence: 'MIT', count: 1, packages: ['a@1'] },
            { licence: 'MIT OR GPL-3.0-only', count: 1, packages: ['b@2'] },
            { licence: null, count: 1, packages: ['c@3'] },
          ],
        },
      },
    ],
    [
      'spdx',
      spdx,
      {
        type: 'sbom',
        subjects: [digest],
        summary: {
          packages: 2,
          licences: [
            { licence: 'MIT', count: 1, packages: ['x@1'] },
            { licence: 'Apache-2.0', count: 1, packages: ['y@2'] },
          ],
        },
      },
    ],
    [
      'openvex',
      openvex,
      {
        type: 'vex',
        subjects: [digest],
        summary: {
          statements: [
            {
              vulnerabilities: ['CVE-1', 'GHSA-1'],
              status: 'not_affected',
              justification: 'component_not_present',
              images: [digest],
              elsewhere: false,
              packages: ['ssl'],
            },
          ],
        },
      },
    ],
    [
      'junit',
      junit,
      {
        type: 'test',
        subjects: null,
        summary: { kind: 'test', result: 'FAILED', passed: 1, warned: 0, failed: 1, failedTests: ['k.c'] },
      },
    ],
    [
      'statement',
      statement(TEST_RESULT, passed),
      {
        type: 'test',
        predicateType: TEST_RESULT,
        subjects: [digest],
        summary: { result: 'PASSED', passed: 2 },
      },
    ],
    ['dsse', envelope(statement(TEST_RESULT, passed)), { type: 'test', subjects: [digest] }],
    [
      'bundle',
      {
        mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
        dsseEnvelope: envelope(statement('https://sigstore.dev/cosign/sign/v1', {})),
      },
      { type: 'signature', summary: { kind: 'signature' } },
    ],
    ...(
      [
        ['SHA2_256', digest],
        ['SHA2_512', long],
      ] as const
    ).map(
      ([algorithm, subject]) =>
        [
          'bundle',
          signedMessage(algorithm, subject),
          {
            type: 'signature',
            predicateType: null,
            subjects: [subject],
            claimedAt: null,
            summary: { kind: 'signature' },
            signed: { message: null, signatures: [new Uint8Array([1, 2, 3])] },
          },
        ] as [string, unknown, object],
    ),
    [
      'statement',
      {
        ...statement(TEST_RESULT, passed),
        subject: [
          { digest: { sha512: 'c'.repeat(128) } },
          { digest: { sha1: 'c'.repeat(40), sha256: 'a'.repeat(64), sha512: 'c'.repeat(128) } },
          { digest: { sha256: 'A'.repeat(64), sha512: 'c'.repeat(64) } },
          {},
        ],
      },
      { subjects: [long, digest, long] },
    ],
    [
      'grype',
      { ...grype, source: { type: 'image', target: { repoDigests: [`a/b@${digest}`, `a/b@${long}`] } } },
      { subjects: [digest, long] },
    ],
    [
      'openvex',
      {
        ...openvex,
        statements: [
          {
            vulnerability: 'CVE-1',
            status: 'fixed',
            products: [{ hashes: { 'sha-256': 'a'.repeat(64) } }, { hashes: { 'sha-512': 'c'.repeat(128) } }],
          },
        ],
      },
      { subjects: [digest, long] },
    ],
  ])('%s', (format, value, expected) => {
    expect(read(value)).toMatchObject({ format, ...expected })
  })

  test.each<[string, object, object]>([
    [
      'https://slsa.dev/provenance/v1',
      {
        buildDefinition: { buildType: 'bt' },
        runDetails: { builder: { id: 'https://b' }, metadata: { finishedOn: '2026-03-01T01:00:00Z' } },
      },
      {
        type: 'provenance',
        claimedAt: new Date('2026-03-01T01:00:00Z'),
        summary: { kind: 'provenance', builder: 'https://b', buildType: 'bt' },
      },
    ],
    [
      'https://slsa.dev/provenance/v0.2',
      { builder: { id: 'https://b' } },
      { type: 'provenance', summary: { builder: 'https://b' } },
    ],
    ['https://cyclonedx.org/bom', cyclonedx, { type: 'sbom', summary: { packages: 3 } }],
    ['https://spdx.dev/Document/v2.3', spdx, { type: 'sbom', summary: { packages: 2 } }],
    [
      'https://cosign.sigstore.dev/attestation/vuln/v1',
      { scanner: { result: grype }, metadata: { scanFinishedOn: '2026-03-02T00:00:00Z' } },
      { type: 'vulnerabilities', claimedAt: new Date('2026-03-02T00:00:00Z') },
    ],
    ['https://openvex.dev/ns/v0.2.0', openvex, { type: 'vex' }],
    ['https://example.com/other', { any: 1 }, { type: 'statement', summary: { kind: 'statement' } }],
    [TEST_RESULT, { result: 'GREAT' }, { type: 'test', summary: { kind: 'unreadable' } }],
    ['https://slsa.dev/provenance/v1', {}, { type: 'provenance', summary: { kind: 'unreadable' } }],
  ])('the predicate %s', (predicateType, predicate, expected) => {
    expect(read(envelope(statement(predicateType, predicate)))).toMatchObject({
      ...expected,
      predicateType,
      subjects: [digest],
    })
  })
})

test('what a signature of an envelope is over, and what is a bundle and what is none', () => {
  const { signed } = read(envelope(statement(TEST_RESULT, passed)))
  const payload = JSON.stringify(statement(TEST_RESULT, passed))
  const type = 'application/vnd.in-toto+json'
  expect(Buffer.from(signed?.message ?? []).toString()).toBe(`DSSEv1 28 ${type} ${payload.length} ${payload}`)
  expect(signed?.signatures).toEqual([new Uint8Array([0, 0, 0])])
  for (const mediaType of ['xapplication/vnd.dev.sigstore.bundle.v0.3+json', 7]) {
    expect(read({ ...envelope(statement(TEST_RESULT, passed)), mediaType }).format).toBe('dsse')
  }
  for (const half of [{ version: '2.1.0' }, { runs: [] }])
    expect(() => read(half)).toThrow('none that is known')
  expect(read(` \n${junit}`).format).toBe('junit')
  expect(() => read({ ...signedMessage('SHA2_256', digest, '') })).toThrow(
    'the signature of the bundle is no base64',
  )
})

test('what is said is one thing however it is wrapped', () => {
  const said = statement(TEST_RESULT, passed)
  const one = read(envelope(said))
  const spaced = read(JSON.stringify(envelope(said), null, 2))
  const signedAgain = read({ ...envelope(said), signatures: [{ sig: 'BBBB' }] })
  const bundled = read({
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    dsseEnvelope: envelope(said),
  })
  for (const each of [spaced, signedAgain, bundled]) expect(each.contentDigest).toBe(one.contentDigest)
  expect(read(envelope(statement(TEST_RESULT, { ...passed, result: 'FAILED' }))).contentDigest).not.toBe(
    one.contentDigest,
  )
})

test('a legacy signature is of the image that its payload names', () => {
  const payload = {
    critical: {
      identity: { 'docker-reference': 'x' },
      image: { 'docker-manifest-digest': digest },
      type: 'cosign container image signature',
    },
  }
  const bytes = Buffer.from(JSON.stringify(payload))
  const found = readEvidence(wrapSimpleSigning(bytes, 'AAAA'))
  expect(found).toMatchObject({
    format: 'simplesigning',
    type: 'signature',
    subjects: [digest],
    summary: { kind: 'signature' },
    contentDigest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
  })
  expect(() => wrapSimpleSigning(bytes, '?')).toThrow('the signature of the layer is no base64')
  const other = (over: object) =>
    wrapSimpleSigning(Buffer.from(JSON.stringify({ critical: { ...payload.critical, ...over } })), 'AAAA')
  for (const over of [{ type: 'atomic container signature' }, { image: {} }]) {
    expect(() => readEvidence(other(over))).toThrow('the payload is no signature of an image')
  }
  expect(Buffer.from(found.signed?.message ?? [])).toEqual(bytes)
})

test('an image that a document does not name is none of its subjects', () => {
  expect(read({ ...trivy, Metadata: {} }).subjects).toEqual([])
  expect(read({ ...cyclonedx, metadata: {} }).subjects).toBe(null)
  const elsewhere = [{ ...openvex.statements[0], products: ['pkg:npm/left-pad@1'] }]
  expect(read({ ...openvex, statements: elsewhere })).toMatchObject({
    subjects: null,
    summary: { statements: [{ elsewhere: true, images: [] }] },
  })
  expect(read(statement('https://example.com/x', {}, 'b'.repeat(64))).subjects).toEqual([other])
})
