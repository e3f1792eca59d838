import { isObject } from '../json.ts'

/** What the service read from a piece of evidence, as the screens show it. Unknown kinds have no details. */
export type Finding = {
  readonly id: string
  readonly severity: string
  readonly package: string
  readonly version: string
  /** The version that mends it. */
  readonly fixed: string | null
}

export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'negligible', 'unknown'] as const

type Summary = { readonly kind: string; readonly [field: string]: unknown }

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** Of a scan, the worst first; none of any other kind. */
export function findingsOf(summary: Summary): Finding[] {
  if (summary.kind !== 'vulnerabilities') return []
  return list(summary['findings'])
    .filter(isObject)
    .map((finding) => ({
      id: text(finding['id']),
      severity: text(finding['severity']) || 'unknown',
      package: text(finding['package']),
      version: text(finding['version']),
      fixed: text(finding['fixed']) || null,
    }))
    .sort((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1))
}

const rank = ({ severity }: Finding): number => {
  const at = SEVERITIES.findIndex((one) => one === severity)
  return at < 0 ? SEVERITIES.length : at
}

/** How many of each severity, those that are there. */
export function bySeverity(findings: readonly Finding[]): (readonly [string, number])[] {
  const counts = new Map<string, number>()
  for (const { severity } of findings) counts.set(severity, (counts.get(severity) ?? 0) + 1)
  return [...counts].sort(([a], [b]) => order(a) - order(b))
}

const order = (severity: string): number => {
  const at = SEVERITIES.findIndex((one) => one === severity)
  return at < 0 ? SEVERITIES.length : at
}

/** One line on what a piece of evidence says. */
export function inWords(summary: Summary): string {
  switch (summary.kind) {
    case 'test': {
      const { result, passed, warned, failed } = summary
      return `${text(result).toLowerCase()}: ${Number(passed)} passed, ${Number(failed)} failed${Number(warned) > 0 ? `, ${Number(warned)} with warnings` : ''}`
    }
    case 'vulnerabilities': {
      const counts = bySeverity(findingsOf(summary)).map(([severity, count]) => `${count} ${severity}`)
      return counts.length === 0 ? 'nothing found' : counts.join(', ')
    }
    case 'sbom':
      return `${Number(summary['packages'])} packages`
    case 'provenance':
      return `built by ${text(summary['builder'])}`
    case 'vex':
      return `${list(summary['statements']).length} statements`
    case 'unreadable':
      return `cannot be read: ${text(summary['reason'])}`
    default:
      return ''
  }
}

/** Vulnerabilities of one image that the other has not, by their name and package. */
export function compareFindings(before: readonly Finding[], after: readonly Finding[]) {
  const key = ({ id, package: name }: Finding) => `${id} ${name}`
  const [had, has] = [new Set(before.map(key)), new Set(after.map(key))]
  return {
    fixed: before.filter((finding) => !has.has(key(finding))),
    found: after.filter((finding) => !had.has(key(finding))),
    kept: after.filter((finding) => had.has(key(finding))).length,
  }
}
