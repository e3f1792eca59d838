import type { GateReport } from '@sluice/contract'
import { expect, test } from 'vitest'
import { gatesAgainst } from './item-gates.ts'

const digest = `sha256:${'a'.repeat(64)}`
const item = { source: { feed: 'dev', repository: 'team/app', tag: '1.0.0' }, digest }
const report = (verdict: GateReport['verdict'], ...reasons: string[]): GateReport => ({
  gate: 'tests',
  verdict,
  reasons,
  inputs: {},
  until: null,
})

test.each([
  ['a gate that passes', report('pass'), []],
  ['a gate of the whole set', report('wait', '0 of 1 approvals'), []],
  ['another item', report('block', `team/web@${digest}: no test result`), []],
  ['another image of the repository', report('block', `team/app@sha256:${'b'.repeat(64)}: no scan`), []],
  ['the item', report('block', `team/app@${digest}: no test result`, 'closed'), ['no test result']],
  [
    'one platform of it',
    report('block', `team/app@${digest} (linux/arm64): no SBOM`),
    ['(linux/arm64): no SBOM'],
  ],
  [
    'its soak',
    report('wait', `team/app@${digest} has soaked 30 min at 12:00`),
    ['has soaked 30 min at 12:00'],
  ],
])('%s', (_, gate, reasons) => {
  const against = gatesAgainst([gate], item)
  expect(against).toEqual(reasons.length === 0 ? [] : [{ gate: 'tests', verdict: gate.verdict, reasons }])
})
