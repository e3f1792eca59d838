import { z } from 'zod'
import { type Finding, SEVERITIES, type Severity } from '../evidence/evidence.ts'
import { type EvidenceRule, evidenceReport, evidenceRule, judge, sources } from './evidence-rule.ts'
import { type Exception, exceptions, holds, naming } from './exceptions.ts'
import type { GateInput, GateReport } from './gate.ts'
import { excuse, type VexView, vexOf } from './vex.ts'

const count = z.int().min(0).max(100_000).optional()
const allow = z.strictObject({
  critical: count,
  high: count,
  medium: count,
  low: count,
  negligible: count,
  unknown: count,
})

export const vulnerabilityRule = z.strictObject({
  allow: allow.default({ critical: 0, high: 0 }),
  unfixed: z.enum(['count', 'ignore']).optional(),
  vex: z.strictObject({ from: sources }).optional(),
  exceptions: exceptions.optional(),
  ...evidenceRule,
})
export type VulnerabilityRule = EvidenceRule & {
  /** How many of a severity are let pass; one that is not named is not limited, `unknown` then is none. */
  readonly allow: { readonly [S in Severity]?: number }
  /** Findings that no version mends yet; counted unless said. */
  readonly unfixed?: 'count' | 'ignore'
  readonly vex?: { readonly from: readonly string[] }
  readonly exceptions?: readonly Exception[]
}

const NAMED = 5
const EXCUSED_SHOWN = 100

/** No more findings of a severity than the lane allows, in a scan that is fresh enough. Null: no such rule. */
export function vulnerabilitiesGate(input: GateInput): GateReport | null {
  const rule = input.policy.gates.vulnerabilities
  if (rule === undefined) return null
  const limits = { unknown: 0, ...rule.allow }
  const excused: { source: string; platform: string | null; id: string; why: string }[] = []
  const judged = judge(input, rule, {
    what: 'vulnerability scan',
    of: 'platforms',
    wanted: ({ type }) => type === 'vulnerabilities',
    check: ({ summary }, subject) => {
      if (summary.kind !== 'vulnerabilities') return ['the scan is none']
      const vex = rule.vex === undefined ? null : vexOf(subject, rule.vex.from)
      const { left, expired } = sifted(summary.findings, rule, vex, input.now, (id, why) => {
        const { item, platform } = subject
        if (excused.length < EXCUSED_SHOWN) excused.push({ source: item.source, platform, id, why })
      })
      return [...(vex?.unreadable ?? []), ...over(left, limits), ...expired]
    },
  })
  return evidenceReport('vulnerabilities', judged, { ...rule, allow: limits, excused })
}

/** The findings that count, and what is to be said of exceptions that no longer do. */
function sifted(
  findings: readonly Finding[],
  rule: VulnerabilityRule,
  vex: VexView | null,
  now: Date,
  excuseFor: (id: string, why: string) => void,
) {
  const expired = new Set<string>()
  const left = findings.filter((finding) => {
    if (rule.unfixed === 'ignore' && finding.fixed === null) return false
    const said = vex === null ? null : excuse(vex.statementsOn(finding))
    const named = naming(rule.exceptions ?? [], finding)
    const standing = named.find((each) => holds(each, now))
    if (said === null && standing === undefined) {
      for (const { id, owner, until } of named)
        expired.add(`the exception for ${id} of ${owner} ended ${until}`)
      return true
    }
    excuseFor(
      finding.id,
      said ?? `exception of ${standing?.owner} until ${standing?.until}: ${standing?.reason}`,
    )
    return false
  })
  return { left, expired: [...expired].slice(0, NAMED) }
}

function over(findings: readonly Finding[], limits: VulnerabilityRule['allow']): string[] {
  return SEVERITIES.flatMap((severity) => {
    const limit = limits[severity]
    const found = findings.filter((finding) => finding.severity === severity)
    if (limit === undefined || found.length <= limit) return []
    const named = found
      .slice(0, NAMED)
      .map(
        ({ id, package: name, version, fixed }) =>
          `${id} in ${name} ${version}${fixed ? `, fixed in ${fixed}` : ''}`,
      )
    const rest = found.length > NAMED ? `; and ${found.length - NAMED} more` : ''
    return [`${found.length} ${severity}, ${limit} allowed: ${named.join('; ')}${rest}`]
  })
}
