import assert from 'node:assert/strict'
import { PromotionError, type ReadEvidence, readEvidence } from '../index.ts'

export const hex = 'a'.repeat(64)
export const digest = `sha256:${hex}`
export const other = `sha256:${'b'.repeat(64)}`

export const bytesOf = (value: unknown) =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))

export const read = (value: unknown): ReadEvidence => readEvidence(bytesOf(value))

/** Why it is not taken, without what every reason begins with. */
export function said(value: unknown): string {
  try {
    readEvidence(value instanceof Uint8Array ? value : bytesOf(value))
  } catch (error) {
    if (!(error instanceof PromotionError)) throw error
    assert.deepEqual([error.issues[0]?.field, error.issues[0]?.rule], ['content', 'evidence'])
    return error.message.replace('content: the evidence cannot be read: ', '')
  }
  return 'nothing'
}

export const signedMessage = (algorithm: string, of: string, signature = 'AQID') => ({
  mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
  verificationMaterial: { publicKey: { hint: 'x' } },
  messageSignature: {
    messageDigest: { algorithm, digest: Buffer.from(of.split(':')[1] ?? '', 'hex').toString('base64') },
    signature,
  },
})

export const statement = (predicateType: string, predicate: object, hex = 'a'.repeat(64)) => ({
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ name: 'app', digest: { sha256: hex } }],
  predicateType,
  predicate,
})

export const envelope = (payload: object, payloadType = 'application/vnd.in-toto+json') => ({
  payloadType,
  payload: Buffer.from(JSON.stringify(payload)).toString('base64'),
  signatures: [{ keyid: '', sig: 'AAAA' }],
})

export const TEST_RESULT = 'https://in-toto.io/attestation/test-result/v0.1'
export const passed = { result: 'PASSED', passedTests: ['a', 'b'], warnedTests: [], failedTests: [] }

export const trivy = {
  SchemaVersion: 2,
  CreatedAt: '2026-03-01T10:00:00.123456789+01:00',
  ArtifactType: 'container_image',
  Metadata: { RepoDigests: [`reg.example/app@${digest}`] },
  Results: [
    {
      Target: 'debian',
      Vulnerabilities: [
        {
          VulnerabilityID: 'CVE-1',
          PkgName: 'ssl',
          InstalledVersion: '1',
          FixedVersion: '2',
          Severity: 'CRITICAL',
        },
        {
          VulnerabilityID: 'CVE-1',
          PkgName: 'ssl',
          InstalledVersion: '1',
          FixedVersion: '2',
          Severity: 'CRITICAL',
        },
        { VulnerabilityID: 'CVE-2', PkgName: 'zip', InstalledVersion: '3', Severity: 'WEIRD' },
      ],
    },
    { Target: 'clean' },
  ],
}
export const grype = {
  matches: [
    {
      vulnerability: { id: 'CVE-3', severity: 'High', fix: { state: 'fixed', versions: ['9'] } },
      artifact: { name: 'curl', version: '8' },
    },
    {
      vulnerability: { id: 'CVE-4', severity: 'Negligible', fix: { state: 'wont-fix', versions: [] } },
      artifact: {},
    },
  ],
  source: { type: 'image', target: { manifestDigest: digest } },
  descriptor: { name: 'grype', timestamp: '2026-03-01T09:00:00Z' },
}
export const sarif = {
  version: '2.1.0',
  runs: [
    {
      tool: {
        driver: {
          name: 'scan',
          rules: [
            { id: 'R1', properties: { 'security-severity': '9.8' } },
            { id: 'R2', defaultConfiguration: { level: 'note' } },
          ],
        },
      },
      invocations: [{ executionSuccessful: true, endTimeUtc: '2026-03-01T08:00:00Z' }],
      results: [
        { ruleId: 'R1', level: 'note', message: { text: 'x' } },
        { ruleId: 'R2' },
        { ruleId: 'R3' },
        { ruleId: 'R4', kind: 'pass' },
      ],
    },
  ],
}
export const cyclonedx = {
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  metadata: { timestamp: '2026-03-01T07:00:00Z', component: { name: 'app', version: digest } },
  components: [
    { type: 'library', name: 'a', version: '1', licenses: [{ license: { id: 'MIT' } }] },
    {
      type: 'library',
      name: 'b',
      version: '2',
      licenses: [{ expression: 'MIT OR GPL-3.0-only' }],
      components: [{ type: 'library', name: 'c', version: '3' }],
    },
    { type: 'file', name: '/etc/passwd' },
  ],
}

export const openvex = {
  '@context': 'https://openvex.dev/ns/v0.2.0',
  timestamp: '2026-03-01T05:00:00Z',
  statements: [
    {
      vulnerability: { name: 'CVE-1', aliases: ['GHSA-1'] },
      status: 'not_affected',
      justification: 'component_not_present',
      products: [
        { '@id': `pkg:oci/app@${digest}`, subcomponents: [{ '@id': 'pkg:deb/debian/ssl@1?arch=x' }] },
      ],
    },
  ],
}
