import { type Finding, SEVERITIES, type Severity, type VulnerabilitySummary } from './evidence.ts'
import { digestsIn, type Fields, list, needed, record, text, time, unreadable } from './fields.ts'

export const FINDINGS_LIMIT = 20_000
const PARTS_LIMIT = 5_000
/** Classes of Trivy's results that its other scanners make: without a package's, nobody looked for vulnerabilities. */
const ELSEWHERE: readonly string[] = ['config', 'secret', 'license', 'license-file', 'custom']

/** A scan as its tool wrote it. `subjects` null: it names no image. */
export interface Scan {
  readonly summary: VulnerabilitySummary
  readonly subjects: readonly string[] | null
  readonly claimedAt: Date | null
}

/** Trivy's JSON, `SchemaVersion` 2. The image is what `Metadata.RepoDigests` says. @throws PromotionError invalid */
export function readTrivy(report: Fields): Scan {
  if (report['SchemaVersion'] !== 2) throw unreadable('this is no Trivy report of SchemaVersion 2')
  const type = report['ArtifactType']
  if (type !== undefined && type !== 'container_image') {
    throw unreadable(`it is a Trivy report about a ${text(type, 40) ?? 'thing'}, not about an image`)
  }
  const results = list(report['Results'], 'Results', PARTS_LIMIT)
  if (report['Results'] === undefined && report['Metadata'] === undefined) {
    throw unreadable('it has neither Results nor Metadata')
  }
  const classes = results.map((result) => text(record(result)['Class'], 40) ?? '')
  if (classes.length > 0 && classes.every((each) => ELSEWHERE.includes(each))) {
    throw unreadable(`it looked for no vulnerabilities, only for ${[...new Set(classes)].join(', ')}`)
  }
  const findings = results.flatMap((result) =>
    list(record(result)['Vulnerabilities'], 'Vulnerabilities', FINDINGS_LIMIT).map((value): Finding => {
      const found = record(value)
      return {
        id: needed(found['VulnerabilityID'], 'VulnerabilityID', 64),
        severity: severityOf(found['Severity']),
        package: text(found['PkgName']) ?? '?',
        version: text(found['InstalledVersion'], 128) ?? '?',
        fixed: text(found['FixedVersion'], 128),
      }
    }),
  )
  const digests = list(record(report['Metadata'])['RepoDigests'], 'RepoDigests', 100)
  return {
    summary: summed('trivy', findings),
    subjects: digestsIn(...digests),
    claimedAt: time(report['CreatedAt']),
  }
}

/** Grype's JSON. The image is `source.target.manifestDigest`, or what `repoDigests` beside it say. @throws PromotionError invalid */
export function readGrype(report: Fields): Scan {
  const target = record(record(report['source'])['target'])
  const descriptor = record(report['descriptor'])
  if (!Array.isArray(report['matches']) || descriptor['name'] !== 'grype') {
    throw unreadable('this is no report of Grype')
  }
  const findings = list(report['matches'], 'matches', FINDINGS_LIMIT).map((value): Finding => {
    const { vulnerability, artifact } = record(value)
    const found = record(vulnerability)
    const fix = record(found['fix'])
    const versions = list(fix['versions'], 'fix.versions', 100)
    return {
      id: needed(found['id'], 'vulnerability.id', 64),
      severity: severityOf(found['severity']),
      package: text(record(artifact)['name']) ?? '?',
      version: text(record(artifact)['version'], 128) ?? '?',
      fixed: fix['state'] === 'fixed' ? (text(versions[0], 128) ?? '?') : null,
    }
  })
  return {
    summary: summed('grype', findings),
    subjects: digestsIn(target['manifestDigest'], ...list(target['repoDigests'], 'repoDigests', 100)),
    claimedAt: time(descriptor['timestamp']),
  }
}

/** A word that nobody knows is `unknown`, which gates do not let pass unasked. */
function severityOf(value: unknown): Severity {
  const word = typeof value === 'string' ? value.toLowerCase() : ''
  return SEVERITIES.find((severity) => severity === word) ?? 'unknown'
}

/** One row a vulnerability and package version, however many paths lead there. */
export function summed(scanner: string, findings: readonly Finding[]): VulnerabilitySummary {
  if (findings.length > FINDINGS_LIMIT) throw unreadable(`more than ${FINDINGS_LIMIT} findings`)
  const distinct = new Map(
    findings.map((found) => [`${found.id}\n${found.package}\n${found.version}\n${found.severity}`, found]),
  )
  return { kind: 'vulnerabilities', scanner, findings: [...distinct.values()] }
}
