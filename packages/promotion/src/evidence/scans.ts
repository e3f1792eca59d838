import { type Finding, SEVERITIES, type Severity, type VulnerabilitySummary } from './evidence.ts'
import { digestsIn, type Fields, list, needed, record, text, time, unreadable } from './fields.ts'

const FINDINGS_LIMIT = 20_000
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

/**
 * SARIF 2.1.0. It has no place for an image digest. Severity: the rule's `security-severity` by the bands of
 * CVSS, else the result's level. @throws PromotionError invalid
 */
export function readSarif(report: Fields): Scan {
  if (report['version'] !== '2.1.0') throw unreadable('this is no SARIF of version 2.1.0')
  const runs = list(report['runs'], 'runs', 100)
  if (runs.length === 0) throw unreadable('it has no runs')
  const findings: Finding[] = []
  const ends: Date[] = []
  let scanner = 'sarif'
  for (const value of runs) {
    const run = record(value)
    const driver = record(record(run['tool'])['driver'])
    scanner = text(driver['name'], 64) ?? scanner
    const rules = new Map(
      list(driver['rules'], 'rules', FINDINGS_LIMIT).map((rule) => [record(rule)['id'], record(rule)]),
    )
    for (const invocation of list(run['invocations'], 'invocations', 100)) {
      const end = time(record(invocation)['endTimeUtc'])
      if (end !== null) ends.push(end)
      if (record(invocation)['executionSuccessful'] === false) throw unreadable('the scan did not succeed')
    }
    for (const each of list(run['results'], 'results', FINDINGS_LIMIT)) {
      const result = record(each)
      if (result['kind'] !== undefined && result['kind'] !== 'fail') continue
      const rule = rules.get(result['ruleId']) ?? {}
      findings.push({
        id: needed(result['ruleId'], 'ruleId', 64),
        severity: sarifSeverity(rule, result['level']),
        package: text(sarifPlace(result)) ?? '?',
        version: '?',
        fixed: null,
      })
    }
  }
  const last = Math.max(...ends.map((end) => end.getTime()))
  return {
    summary: summed(scanner, findings),
    subjects: null,
    claimedAt: ends.length === 0 ? null : new Date(last),
  }
}

function sarifPlace(result: Fields): unknown {
  const [first] = list(result['locations'], 'locations', 10_000)
  return record(record(record(first)['physicalLocation'])['artifactLocation'])['uri']
}

function sarifSeverity(rule: Fields, level: unknown): Severity {
  const score = Number.parseFloat(text(record(rule['properties'])['security-severity'], 10) ?? '')
  if (score >= 9) return 'critical'
  if (score >= 7) return 'high'
  if (score >= 4) return 'medium'
  if (score > 0) return 'low'
  const stated = level ?? record(rule['defaultConfiguration'])['level'] ?? 'warning'
  if (stated === 'error') return 'high'
  if (stated === 'warning') return 'medium'
  if (stated === 'note') return 'low'
  return stated === 'none' ? 'negligible' : 'unknown'
}

/** A word that nobody knows is `unknown`, which gates do not let pass unasked. */
function severityOf(value: unknown): Severity {
  const word = typeof value === 'string' ? value.toLowerCase() : ''
  return SEVERITIES.find((severity) => severity === word) ?? 'unknown'
}

/** One row a vulnerability and package version, however many paths lead there. */
function summed(scanner: string, findings: readonly Finding[]): VulnerabilitySummary {
  if (findings.length > FINDINGS_LIMIT) throw unreadable(`more than ${FINDINGS_LIMIT} findings`)
  const distinct = new Map(
    findings.map((found) => [`${found.id}\n${found.package}\n${found.version}\n${found.severity}`, found]),
  )
  return { kind: 'vulnerabilities', scanner, findings: [...distinct.values()] }
}
