import { describe, expect, test } from 'vitest'
import { EVIDENCE_LIMIT, type ReadEvidence, readEvidence, wrapSimpleSigning } from '../index.ts'

const digest = `sha256:${'a'.repeat(64)}`
const other = `sha256:${'b'.repeat(64)}`
const long = `sha512:${'c'.repeat(128)}`
const signedMessage = (algorithm: string, of: string, signature = 'AQID') => ({
  mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
  verificationMaterial: { publicKey: { hint: 'x' } },
  messageSignature: {
    messageDigest: { algorithm, digest: Buffer.from(of.split(':')[1] ?? '', 'hex').toString('base64') },
    signature,
  },
})

const read = (value: unknown): ReadEvidence =>
  readEvidence(new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value)))

const statement = (predicateType: string, predicate: object, hex = 'a'.repeat(64)) => ({
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ name: 'app', digest: { sha256: hex } }],
  predicateType,
  predicate,
})

const envelope = (payload: object, payloadType = 'application/vnd.in-toto+json') => ({
  payloadType,
  payload: Buffer.from(JSON.stringify(payload)).toString('base64'),
  signatures: [{ keyid: '', sig: 'AAAA' }],
})

const TEST_RESULT = 'https://in-toto.io/attestation/test-result/v0.1'
const passed = { result: 'PASSED', passedTests: ['a', 'b'], warnedTests: [], failedTests: [] }

const trivy = {
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
const grype = {
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
const sarif = {
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
const cyclonedx = {
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
const openvex = {
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
  expect(found).toMatchObject({ format: 'simplesigning', type: 'signature', subjects: [digest] })
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

const deep = (open: string, close: string, depth: number) => open.repeat(depth) + close.repeat(depth)
const billion = `<!DOCTYPE l [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><testsuite><testcase name="&b;"/></testsuite>`

describe('hostile or broken evidence is refused, and quickly', () => {
  test.each<[string, string | Uint8Array | object]>([
    ['nothing', ''],
    ['no JSON', '{'],
    ['a list', '[]'],
    ['an object of nobody', '{}'],
    ['not UTF-8', Uint8Array.of(0x7b, 0xff, 0x7d)],
    ['too large', new Uint8Array(EVIDENCE_LIMIT + 1)],
    ['deep JSON', deep('[', ']', 1_000_000)],
    ['a deep object', `${'{"components":['.repeat(100_000)}${']}'.repeat(100_000)}`],
    ['an XML bomb', billion],
    ['an outside entity', '<!DOCTYPE t SYSTEM "file:///etc/passwd"><testsuite/>'],
    ['deep XML', deep('<testsuite>', '</testsuite>', 200_000)],
    ['XML of another kind', '<html><testcase/></html>'],
    ['XML that ends early', '<testsuite><testcase name="a"/>'],
    ['unclosed quotes', `<testsuite a="${'x'.repeat(100_000)}`],
    ['a signature of a message by another hash', signedMessage('SHA2_384', digest)],
    ['a hash of the wrong length', signedMessage('SHA2_512', digest)],
    ['a signature that is no base64', signedMessage('SHA2_256', digest, '?')],
    ['an empty signature', signedMessage('SHA2_256', digest, '')],
    ['no signature', { ...signedMessage('SHA2_256', digest), messageSignature: {} }],
    ['an empty bundle', { mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json' }],
    ['a Trivy report of secrets alone', { ...trivy, Results: [{ Class: 'secret' }, { Class: 'config' }] }],
    ['no tests', '<testsuite tests="5"/>'],
    ['only skipped tests', '<testsuite><testcase name="a"><skipped/></testcase></testsuite>'],
    ['a case in a case', '<testsuite><testcase><testcase/></testcase></testsuite>'],
    ['a statement of another world', { _type: 'https://example.com/Statement', subject: [] }],
    ['a statement about nothing', { ...statement(TEST_RESULT, passed), subject: [] }],
    ['a short digest', statement(TEST_RESULT, passed, 'abc')],
    ['an upper-case digest', statement(TEST_RESULT, passed, 'A'.repeat(64))],
    ['another payload type', envelope(statement(TEST_RESULT, passed), 'application/json')],
    ['an envelope without signatures', { ...envelope({}), signatures: [] }],
    [
      'a bundle around nothing',
      { mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json', messageSignature: {} },
    ],
    [
      'a scan that failed',
      { ...sarif, runs: [{ ...sarif.runs[0], invocations: [{ executionSuccessful: false }] }] },
    ],
    ['a scan of a file system', { ...trivy, ArtifactType: 'filesystem' }],
    ['an SBOM without packages', { ...cyclonedx, components: [] }],
    ['too many findings', { ...grype, matches: Array.from({ length: 20_001 }, () => ({})) }],
    ['a VEX of unknown status', { ...openvex, statements: [{ ...openvex.statements[0], status: 'fine' }] }],
    ['prototype keys', '{"__proto__":{"SchemaVersion":2},"constructor":1}'],
  ])('%s', (_, value) => {
    const begun = performance.now()
    const run = () => (value instanceof Uint8Array ? readEvidence(value) : read(value))
    expect(run).toThrow(
      expect.objectContaining({ code: 'invalid', issues: [expect.objectContaining({ field: 'content' })] }),
    )
    expect(performance.now() - begun).toBeLessThan(2_000)
  })

  test('control characters do not reach a terminal or a database', () => {
    const found = read(
      envelope(
        statement(TEST_RESULT, { ...passed, result: 'FAILED', failedTests: ['a\u0000\u001b[31mb\ud800'] }),
      ),
    )
    expect(JSON.stringify(found.summary)).not.toMatch(/\\u00|\\ud8|\\u001b/)
  })

  test('nested components are walked, to a bound', () => {
    const nested = (depth: number): object =>
      depth === 0 ? { name: 'x' } : { name: 'x', components: [nested(depth - 1)] }
    expect(read({ ...cyclonedx, components: [nested(20)] }).summary).toMatchObject({ packages: 21 })
    expect(() => read({ ...cyclonedx, components: [nested(40)] })).toThrow()
  })
})

// As the tools' own schemas have them, with what they write besides.
describe('documents as tools write them', () => {
  test('Trivy: several classes of results, each with its own findings or none', () => {
    const { summary, subjects } = read({
      SchemaVersion: 2,
      CreatedAt: '2026-03-01T10:00:00.5Z',
      ArtifactName: 'reg.example/app:1',
      ArtifactType: 'container_image',
      Metadata: {
        OS: { Family: 'debian', Name: '12.5' },
        ImageID: other,
        DiffIDs: [other],
        RepoTags: ['reg.example/app:1'],
        RepoDigests: [`reg.example/app@${digest}`, `mirror.example/team/app@${digest}`],
        ImageConfig: { architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [other] } },
      },
      Results: [
        {
          Target: 'app (debian 12.5)',
          Class: 'os-pkgs',
          Type: 'debian',
          Vulnerabilities: [
            {
              VulnerabilityID: 'CVE-2026-1',
              PkgID: 'openssl@3.0.1',
              PkgName: 'openssl',
              PkgIdentifier: { PURL: 'pkg:deb/debian/openssl@3.0.1?arch=amd64' },
              InstalledVersion: '3.0.1',
              FixedVersion: '',
              Status: 'affected',
              Severity: 'HIGH',
              CVSS: { nvd: { V3Score: 7.5 } },
            },
          ],
        },
        { Target: 'Node.js', Class: 'lang-pkgs', Type: 'node-pkg' },
        {
          Target: '/etc/key.pem',
          Class: 'secret',
          Secrets: [{ RuleID: 'private-key', Severity: 'CRITICAL' }],
        },
      ],
    })
    expect(subjects).toEqual([digest, digest])
    expect(summary).toEqual({
      kind: 'vulnerabilities',
      scanner: 'trivy',
      findings: [{ id: 'CVE-2026-1', severity: 'high', package: 'openssl', version: '3.0.1', fixed: null }],
    })
  })

  test('Trivy: an image in which nothing was found, and one without packages', () => {
    for (const Results of [[{ Target: 'x (alpine 3.20)', Class: 'os-pkgs', Type: 'alpine' }], undefined]) {
      const found = read({ ...trivy, Results })
      expect(found.summary).toEqual({ kind: 'vulnerabilities', scanner: 'trivy', findings: [] })
    }
  })

  test('CycloneDX 1.4 to 1.6: the licences of every form, components in components', () => {
    for (const specVersion of ['1.4', '1.5', '1.6']) {
      const { summary, subjects, claimedAt } = read({
        bomFormat: 'CycloneDX',
        specVersion,
        metadata: {
          timestamp: '2026-03-01T10:00:00+00:00',
          tools: { components: [{ type: 'application', name: 'trivy' }] },
          component: {
            type: 'container',
            name: 'app',
            purl: `pkg:oci/app@sha256%3A${'a'.repeat(64)}?arch=amd64`,
          },
        },
        components: [
          { type: 'operating-system', name: 'debian', version: '12' },
          {
            type: 'application',
            name: 'package-lock.json',
            components: [
              { type: 'library', name: 'left', version: '1', licenses: [{ license: { id: 'MIT' } }] },
              {
                type: 'library',
                name: 'right',
                version: '2',
                licenses: [{ expression: 'MIT OR Apache-2.0' }],
              },
              { type: 'library', name: 'up', licenses: [{ license: { name: 'Some words' } }] },
              { type: 'file', name: '/bin/sh' },
            ],
          },
        ],
        dependencies: [],
      })
      expect([subjects, claimedAt]).toEqual([[digest], new Date('2026-03-01T10:00:00Z')])
      expect(summary).toEqual({
        kind: 'sbom',
        packages: 5,
        licences: [
          { licence: null, count: 2, packages: ['debian@12', 'package-lock.json'] },
          { licence: 'MIT', count: 1, packages: ['left@1'] },
          { licence: 'MIT OR Apache-2.0', count: 1, packages: ['right@2'] },
          { licence: 'Some words', count: 1, packages: ['up'] },
        ],
      })
    }
  })

  test('SPDX 2.3 as Syft relates it: the document describes the image, and not what it contains', () => {
    const { summary, subjects } = read({
      spdxVersion: 'SPDX-2.3',
      SPDXID: 'SPDXRef-DOCUMENT',
      creationInfo: { created: '2026-03-01T10:00:00Z', creators: ['Tool: syft'] },
      packages: [
        {
          SPDXID: 'SPDXRef-Image',
          name: 'app',
          versionInfo: digest,
          primaryPackagePurpose: 'CONTAINER',
          licenseConcluded: 'NOASSERTION',
        },
        {
          SPDXID: 'SPDXRef-1',
          name: 'musl',
          versionInfo: '1.2',
          licenseConcluded: 'NOASSERTION',
          licenseDeclared: 'MIT',
        },
        { SPDXID: 'SPDXRef-2', name: 'base', versionInfo: '3', licenseConcluded: 'NONE' },
      ],
      relationships: [
        {
          spdxElementId: 'SPDXRef-DOCUMENT',
          relatedSpdxElement: 'SPDXRef-Image',
          relationshipType: 'DESCRIBES',
        },
        { spdxElementId: 'SPDXRef-Image', relatedSpdxElement: 'SPDXRef-1', relationshipType: 'CONTAINS' },
        { spdxElementId: 'SPDXRef-2', relatedSpdxElement: 'SPDXRef-1', relationshipType: 'DESCRIBES' },
        { spdxElementId: 'SPDXRef-DOCUMENT', relatedSpdxElement: 'SPDXRef-2', relationshipType: 'OTHER' },
      ],
    })
    expect(subjects).toEqual([digest])
    expect(summary).toEqual({
      kind: 'sbom',
      packages: 2,
      licences: [
        { licence: 'MIT', count: 1, packages: ['musl@1.2'] },
        { licence: null, count: 1, packages: ['base@3'] },
      ],
    })
  })

  test('JUnit: suites in suites, output, properties, and a test that was repeated until it passed', () => {
    const { summary } = read(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="all" tests="9" failures="9" time="1.5">
  <testsuite name="outer" tests="2"><properties><property name="a" value="b"/></properties>
    <testsuite name="inner"><testcase classname="a.B" name="c" time="0.1"><system-out>x</system-out></testcase></testsuite>
    <testcase name="flaky"><flakyFailure message="once"/></testcase>
    <testcase classname="a.B" name="broke"><error type="E">why</error><failure/></testcase>
  </testsuite>
  <testsuite name="empty" tests="0"/>
</testsuites>`)
    expect(summary).toEqual({
      kind: 'test',
      result: 'FAILED',
      passed: 2,
      warned: 0,
      failed: 1,
      failedTests: ['a.B.broke'],
    })
  })

  test('JUnit: a case that says of itself that it did not run, as googletest writes it, has not passed', () => {
    const cases = [
      'status="notrun" result="suppressed"',
      'status="disabled"',
      'result="skipped"',
      'status="run" result="completed"',
    ]
    const xml = (some: string[]) =>
      `<testsuite>${some.map((said, i) => `<testcase name="c${i}" ${said}/>`).join('')}</testsuite>`
    expect(read(xml(cases)).summary).toMatchObject({ result: 'PASSED', passed: 1, failed: 0 })
    expect(() => read(xml(cases.slice(0, 3)))).toThrow('no test of it ran')
    const broken = read('<testsuite><testcase name="a" status="notrun"><failure/></testcase></testsuite>')
    expect(broken.summary).toMatchObject({ result: 'FAILED', failed: 1 })
  })

  test('JUnit: a suite that broke outside of its tests has failed, whatever its tests say', () => {
    const { summary } = read('<testsuite><testcase name="a"/><error message="no setup"/></testsuite>')
    expect(summary).toMatchObject({ result: 'FAILED', passed: 1, failed: 1, failedTests: [] })
  })

  test('SARIF: what a rule, a level and a score make of a finding', () => {
    const at = (level: string | undefined, score?: string, inRule?: string) => {
      const { summary } = read({
        version: '2.1.0',
        runs: [
          {
            tool: {
              driver: {
                name: 'scan',
                rules: [
                  {
                    id: 'R',
                    ...(score && { properties: { 'security-severity': score } }),
                    ...(inRule && { defaultConfiguration: { level: inRule } }),
                  },
                ],
              },
            },
            results: [{ ruleId: 'R', ...(level && { level }) }],
          },
        ],
      })
      return summary.kind === 'vulnerabilities' ? summary.findings[0]?.severity : null
    }
    expect([at('note', '9.0'), at('note', '8.9'), at('note', '7.0'), at('note', '6.9')]).toEqual([
      'critical',
      'high',
      'high',
      'medium',
    ])
    expect([at('error', '4.0'), at('error', '3.9'), at('error', '0.1'), at('error', '0')]).toEqual([
      'medium',
      'low',
      'low',
      'high',
    ])
    expect([at('warning'), at('note'), at('none'), at('odd')]).toEqual([
      'medium',
      'low',
      'negligible',
      'unknown',
    ])
    expect([at(undefined), at(undefined, undefined, 'error'), at('note', undefined, 'error')]).toEqual([
      'medium',
      'high',
      'low',
    ])
  })

  const scanned = (run: object) => {
    const { summary } = read({ version: '2.1.0', runs: [{ tool: { driver: { name: 'scan' } }, ...run }] })
    return summary.kind === 'vulnerabilities' ? summary.findings : []
  }
  const at = (uri: string) => [{ physicalLocation: { artifactLocation: { uri }, region: { startLine: 1 } } }]

  test('SARIF of Trivy: two packages of one image under one vulnerability are two findings', () => {
    const result = (name: string, fixed: string) => ({
      ruleId: 'CVE-2026-1',
      ruleIndex: 0,
      level: 'error',
      message: {
        text: `Package: ${name}\nInstalled Version: 1.1.1c-r0\nVulnerability CVE-2026-1\nSeverity: HIGH\nFixed Version: ${fixed}\nLink: [x](https://x)`,
      },
      locations: at('library/app'),
    })
    const found = { id: 'CVE-2026-1', severity: 'high', version: '1.1.1c-r0' }
    expect(scanned({ results: [result('libssl1.1', '1.1.1d-r0'), result('libcrypto1.1', '')] })).toEqual([
      { ...found, package: 'libssl1.1', fixed: '1.1.1d-r0' },
      { ...found, package: 'libcrypto1.1', fixed: null },
    ])
  })

  test('SARIF of Grype: its rules are of a vulnerability in a package', () => {
    const ids = ['CVE-2026-1-package-1', 'GHSA-aaaa-bbbb-cccc-left-pad', 'ELSA-2026-1-kernel', 'CVE-2026-2']
    const rules = ids.map((id) => ({ id, properties: { 'security-severity': '9.1' } }))
    expect(
      scanned({
        tool: { driver: { name: 'grype', rules } },
        results: ids.map((ruleId) => ({ ruleId, locations: at('app/x') })),
      }),
    ).toEqual(
      [
        ['CVE-2026-1', 'package-1'],
        ['GHSA-aaaa-bbbb-cccc', 'left-pad'],
        ['ELSA-2026-1-kernel', 'app/x'],
        ['CVE-2026-2', 'app/x'],
      ].map(([id, name]) => ({ id, package: name, severity: 'critical', version: '?', fixed: null })),
    )
  })

  test('SARIF: rules by reference, by index and of extensions; what is no longer there is none', () => {
    const rule = (id: string, score: string) => ({ id, properties: { 'security-severity': score } })
    const tool = {
      driver: { name: 'scan', rules: [rule('A', '9.5'), rule('B', '7.5')] },
      extensions: [{ name: 'queries', rules: [rule('X', '4.5')] }, {}],
    }
    const results = [
      { rule: { id: 'A' } },
      { ruleIndex: 1 },
      { rule: { index: 1 }, locations: at('y') },
      { ruleId: 'X' },
      { ruleId: 'A', baselineState: 'absent', locations: at('z') },
      { ruleId: 'B', baselineState: 'new', locations: at('z') },
    ]
    expect(scanned({ tool, results }).map(({ id, severity, package: name }) => [id, severity, name])).toEqual(
      [
        ['A', 'critical', '?'],
        ['B', 'high', '?'],
        ['B', 'high', 'y'],
        ['X', 'medium', '?'],
        ['B', 'high', 'z'],
      ],
    )
    for (const nameless of [{ ruleIndex: 7 }, { ruleIndex: '0' }, { ruleIndex: -1 }, {}]) {
      expect(() => scanned({ tool, results: [nameless] })).toThrow('ruleId is missing')
    }
  })

  test('SBOMs: the licence of what they are about is one of theirs, and without one it is no package', () => {
    const agpl = { licence: 'AGPL-3.0-only', count: 1, packages: ['app@1'] }
    const described = (licence: string) => ({
      spdxVersion: 'SPDX-2.3',
      documentDescribes: ['A'],
      packages: [
        { SPDXID: 'A', name: 'app', versionInfo: '1', licenseDeclared: licence },
        { SPDXID: 'B', name: 'b', licenseDeclared: 'MIT' },
      ],
    })
    const mit = { licence: 'MIT', count: 1, packages: ['b'] }
    expect(read(described('AGPL-3.0-only')).summary).toMatchObject({ packages: 2, licences: [agpl, mit] })
    expect(read(described('NOASSERTION')).summary).toMatchObject({ packages: 1, licences: [mit] })
    const component = { type: 'application', name: 'app', version: '1' }
    const about = (over: object) => ({
      bomFormat: 'CycloneDX',
      metadata: { component: { ...component, ...over } },
      components: [{ name: 'b', licenses: [{ license: { id: 'MIT' } }] }],
    })
    const licensed = about({ licenses: [{ license: { id: 'AGPL-3.0-only' } }] })
    expect(read(licensed).summary).toMatchObject({ packages: 2, licences: [agpl, mit] })
    expect(read(about({})).summary).toMatchObject({ packages: 1, licences: [mit] })
  })

  test('Grype: a fix of no state is none; a time that was not given', () => {
    const match = { vulnerability: { id: 'CVE-1', severity: 'Low', fix: { versions: ['2'], state: '' } } }
    const found = read({ ...grype, matches: [match], descriptor: { name: 'grype', timestamp: '' } })
    expect([found.claimedAt, found.summary]).toMatchObject([
      null,
      { findings: [{ id: 'CVE-1', fixed: null }] },
    ])
  })

  test('OpenVEX: a document that says nothing yet is about no image in particular', () => {
    expect(read({ ...openvex, statements: [] })).toMatchObject({
      type: 'vex',
      subjects: null,
      summary: { kind: 'vex', statements: [] },
    })
  })

  test('SPDX 3 is not read, and not taken for OpenVEX, whose documents have a context too', () => {
    expect(() =>
      read({ '@context': 'https://spdx.org/rdf/3.0.1/spdx-context.jsonld', '@graph': [] }),
    ).toThrow('none that is known')
  })
})
