import type { Finding, Severity } from './evidence.ts'
import { type Fields, list, needed, record, text, time, unreadable } from './fields.ts'
import { FINDINGS_LIMIT, type Scan, summed } from './scans.ts'

/**
 * SARIF 2.1.0. It has no place for an image digest. Severity: the rule's `security-severity` by the bands of
 * CVSS, else the result's level. @throws PromotionError invalid
 */
export function readSarif(report: Fields): Scan {
  if (report['version'] !== '2.1.0') throw unreadable('this is no SARIF of version 2.1.0')
  const runs = list(report['runs'], 'runs', 100).map(record)
  if (runs.length === 0) throw unreadable('it has no runs')
  const ends = runs.flatMap(endsOf)
  const last = Math.max(...ends.map((end) => end.getTime()))
  return {
    summary: summed(runs.map(nameOf).findLast((name) => name !== null) ?? 'sarif', runs.flatMap(findingsOf)),
    subjects: null,
    claimedAt: ends.length === 0 ? null : new Date(last),
  }
}

function nameOf(run: Fields): string | null {
  return text(record(record(run['tool'])['driver'])['name'], 64)
}

function endsOf(run: Fields): Date[] {
  return list(run['invocations'], 'invocations', 100)
    .map(record)
    .flatMap((invocation) => {
      if (invocation['executionSuccessful'] === false) throw unreadable('the scan did not succeed')
      return time(invocation['endTimeUtc']) ?? []
    })
}

function findingsOf(run: Fields): Finding[] {
  const tool = record(run['tool'])
  const own = rulesOf(tool['driver'])
  const all = [tool['driver'], ...list(tool['extensions'], 'extensions', 100)].flatMap(rulesOf)
  const byId = new Map(all.map((rule) => [rule['id'], rule]))
  return list(run['results'], 'results', FINDINGS_LIMIT)
    .map(record)
    .filter(
      ({ kind, baselineState }) => (kind === undefined || kind === 'fail') && baselineState !== 'absent',
    )
    .map((result): Finding => {
      // 3.27.5 to 3.27.7: the id itself, or a reference to the rule.
      const named = record(result['rule'])
      const index = result['ruleIndex'] ?? named['index']
      const ruleId = result['ruleId'] ?? named['id'] ?? own[typeof index === 'number' ? index : -1]?.['id']
      return {
        ...found(needed(ruleId, 'ruleId', 256), result),
        severity: severityOf(byId.get(ruleId), result),
      }
    })
}

function rulesOf(component: unknown): Fields[] {
  return list(record(component)['rules'], 'rules', FINDINGS_LIMIT).map(record)
}

/** Grype makes a rule of each vulnerability and package. */
const OF_PACKAGE = /^(CVE-\d{4}-\d+|GHSA(?:-[0-9a-z]{4}){3})-(.+)$/

/** What was found where. SARIF has no place for packages either; Trivy names them line by line in its message. */
function found(ruleId: string, result: Fields): Omit<Finding, 'severity'> {
  const [, id = ruleId, ofRule] = OF_PACKAGE.exec(ruleId) ?? []
  const message = record(result['message'])['text']
  const lines = typeof message === 'string' ? message.slice(0, 4096).split('\n') : []
  const line = (start: string): string | null => {
    const found = lines.find((each) => each.startsWith(start))
    return text(found?.slice(start.length), 128)
  }
  return {
    id,
    package: ofRule ?? line('Package: ') ?? text(placeOf(result)) ?? '?',
    version: line('Installed Version: ') ?? '?',
    fixed: line('Fixed Version: '),
  }
}

function placeOf(result: Fields): unknown {
  const [first] = list(result['locations'], 'locations', 10_000)
  return record(record(record(first)['physicalLocation'])['artifactLocation'])['uri']
}

/** CVSS v3.1, section 5, from the least score of each band down. */
const BANDS: readonly (readonly [number, Severity])[] = [
  [9, 'critical'],
  [7, 'high'],
  [4, 'medium'],
  [0.1, 'low'],
]
const LEVELS: ReadonlyMap<unknown, Severity> = new Map([
  ['error', 'high'],
  ['warning', 'medium'],
  ['note', 'low'],
  ['none', 'negligible'],
])

function severityOf(rule: Fields = {}, { level }: Fields): Severity {
  const score = Number.parseFloat(text(record(rule['properties'])['security-severity'], 10) ?? '')
  const band = BANDS.find(([least]) => score >= least)
  if (band !== undefined) return band[1]
  const stated = level ?? record(rule['defaultConfiguration'])['level'] ?? 'warning'
  return LEVELS.get(stated) ?? 'unknown'
}
