import assert from 'node:assert/strict'
import { describe, expect, test } from 'vitest'
import { readEvidence } from '../index.ts'
import { bytesOf, hex, said } from './test-documents.ts'

// What is told of evidence that is not taken, word for word, and what the bounds are.

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
