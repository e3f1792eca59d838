import { z } from 'zod'
import { type EvidenceRule, evidenceReport, evidenceRule, judge } from './evidence-rule.ts'
import type { GateInput, GateReport } from './gate.ts'

export const testRules = z.array(z.strictObject(evidenceRule)).min(1).max(20)
export type TestRules = readonly EvidenceRule[]

/** Of every rule, the newest test result is PASSED. Null: the lane has no such rule. */
export function testsGate(input: GateInput): GateReport | null {
  const rules = input.policy.gates.tests
  if (rules === undefined) return null
  const judged = rules.flatMap((rule) =>
    judge(input, rule, {
      what: 'test result',
      of: 'image',
      wanted: ({ type }) => type === 'test',
      check: ({ summary }) => {
        if (summary.kind !== 'test') return ['the test result is none']
        if (summary.result === 'PASSED' && summary.failed === 0) return []
        const named = summary.failedTests.slice(0, 3).join(', ')
        return [`the tests ${summary.result}, ${summary.failed} failed${named === '' ? '' : ` (${named})`}`]
      },
    }),
  )
  return evidenceReport('tests', judged, { rules })
}
