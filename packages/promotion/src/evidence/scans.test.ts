import { describe, expect, test } from 'vitest'
import { readEvidence } from '../index.ts'
import { bytesOf, digest, grype, other, read, said, trivy } from './test-documents.ts'

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

  test('Grype: a fix of no state is none; a time that was not given', () => {
    const match = { vulnerability: { id: 'CVE-1', severity: 'Low', fix: { versions: ['2'], state: '' } } }
    const found = read({ ...grype, matches: [match], descriptor: { name: 'grype', timestamp: '' } })
    expect([found.claimedAt, found.summary]).toMatchObject([
      null,
      { findings: [{ id: 'CVE-1', fixed: null }] },
    ])
  })
})
