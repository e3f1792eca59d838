import { expect, test } from 'vitest'
import type { Severity } from '../evidence/evidence.ts'
import type { Evidence } from '../index.ts'
import {
  AMD,
  ARM,
  fact,
  from,
  hoursAgo,
  index,
  judge,
  now,
  plain,
  table,
  unreadable,
  withEvidence,
} from './test-gate.ts'

const scan = (findings: [string, Severity, string?, (string | null)?][], over: Partial<Evidence> = {}) =>
  fact({
    summary: {
      kind: 'vulnerabilities',
      scanner: 'x',
      findings: findings.map(([id, severity, name = 'ssl', fixed = '2']) => ({
        id,
        severity,
        package: name,
        version: '1',
        fixed,
      })),
    },
    ...over,
  })
const vex = (statement: object, over: Partial<Evidence> = {}) =>
  fact({
    summary: {
      kind: 'vex',
      statements: [
        {
          vulnerabilities: ['CVE-1'],
          status: 'not_affected',
          justification: 'component_not_present',
          images: [],
          elsewhere: false,
          packages: [],
          ...statement,
        },
      ],
    },
    ...over,
  })

const rule = { from, vex: { from } }
const until = (day: string) => [{ id: 'CVE-1', owner: 'user:anna', until: day, reason: 'not reachable' }]
table('vulnerabilities', [
  ['clean', { from }, withEvidence(plain, scan([])), 'pass'],
  ['no scan', { from }, plain, 'block', 'no vulnerability scan'],
  [
    'a critical one',
    { from },
    withEvidence(plain, scan([['CVE-1', 'critical']])),
    'block',
    'CVE-1 in ssl 1, fixed in 2',
  ],
  ['a medium one is not limited', { from }, withEvidence(plain, scan([['CVE-1', 'medium']])), 'pass'],
  [
    'an unknown one is not let pass unasked',
    { from },
    withEvidence(plain, scan([['CVE-1', 'unknown']])),
    'block',
  ],
  [
    'unknown ones where allowed',
    { from, allow: { unknown: 1 } },
    withEvidence(plain, scan([['CVE-1', 'unknown']])),
    'pass',
  ],
  [
    'as many as allowed',
    { from, allow: { high: 1 } },
    withEvidence(plain, scan([['CVE-1', 'high']])),
    'pass',
  ],
  [
    'one more',
    { from, allow: { high: 1 } },
    withEvidence(
      plain,
      scan([
        ['CVE-1', 'high'],
        ['CVE-2', 'high'],
      ]),
    ),
    'block',
    '2 high, 1 allowed',
  ],
  [
    'one that nothing mends',
    { from, unfixed: 'ignore' },
    withEvidence(plain, scan([['CVE-1', 'high', 'ssl', null]])),
    'pass',
  ],
  [
    'an old scan',
    { from, maxAge: { hours: 24 } },
    withEvidence(plain, scan([], { claimedAt: hoursAgo(25) })),
    'block',
    'older than 24 h',
  ],
  [
    'a clean old scan sent last does not hide a newer one',
    { from },
    withEvidence(
      plain,
      scan([['CVE-1', 'high']], { claimedAt: hoursAgo(2) }),
      scan([], { claimedAt: hoursAgo(9), receivedAt: now }),
    ),
    'block',
  ],
  [
    'of an index, by platform',
    { from },
    withEvidence(index, scan([], { subject: AMD }), scan([['CVE-1', 'high']], { subject: ARM })),
    'block',
    '(linux/arm64): 1 high, 0 allowed',
  ],
  ['of an index, not of the index', { from }, withEvidence(index, scan([])), 'block'],
  ['VEX', rule, withEvidence(plain, scan([['CVE-1', 'high']]), vex({})), 'pass'],
  [
    'VEX where the lane does not ask for it',
    { from },
    withEvidence(plain, scan([['CVE-1', 'high']]), vex({})),
    'block',
  ],
  [
    'VEX by somebody else',
    rule,
    withEvidence(plain, scan([['CVE-1', 'high']]), vex({}, { from: ['user:eve'] })),
    'block',
  ],
  [
    'VEX without a justification',
    rule,
    withEvidence(plain, scan([['CVE-1', 'high']]), vex({ justification: null })),
    'block',
  ],
  [
    'VEX with a justification of its own',
    rule,
    withEvidence(plain, scan([['CVE-1', 'high']]), vex({ justification: 'trust_me' })),
    'block',
  ],
  [
    'VEX: fixed',
    rule,
    withEvidence(plain, scan([['CVE-1', 'high']]), vex({ status: 'fixed', justification: null })),
    'pass',
  ],
  [
    'VEX: affected',
    rule,
    withEvidence(plain, scan([['CVE-1', 'high']]), vex({ status: 'affected' })),
    'block',
  ],
  [
    'VEX of another image',
    rule,
    withEvidence(plain, scan([['CVE-1', 'high']]), vex({ images: [ARM] })),
    'block',
  ],
  [
    'VEX of another product',
    rule,
    withEvidence(plain, scan([['CVE-1', 'high']]), vex({ elsewhere: true })),
    'block',
  ],
  [
    'VEX of another package',
    rule,
    withEvidence(plain, scan([['CVE-1', 'high']]), vex({ packages: ['zip'] })),
    'block',
  ],
  [
    'VEX of the package',
    rule,
    withEvidence(plain, scan([['CVE-1', 'high']]), vex({ packages: ['ssl'] })),
    'pass',
  ],
  [
    'the last word of VEX counts',
    rule,
    withEvidence(
      plain,
      scan([['CVE-1', 'high']]),
      vex({}, { claimedAt: hoursAgo(3) }),
      vex({ status: 'affected' }, { claimedAt: hoursAgo(2) }),
    ),
    'block',
  ],
  [
    'a later VEX that cannot be read blocks',
    rule,
    withEvidence(plain, scan([['CVE-1', 'high']]), vex({}, { claimedAt: hoursAgo(3) }), unreadable('vex')),
    'block',
    'a VEX document cannot be read',
  ],
  [
    'VEX of the index is of its platforms',
    rule,
    withEvidence(index, scan([['CVE-1', 'high']], { subject: AMD }), scan([], { subject: ARM }), vex({})),
    'pass',
  ],
  [
    'an exception',
    { from, exceptions: until('2026-03-10') },
    withEvidence(plain, scan([['CVE-1', 'high']])),
    'pass',
  ],
  [
    'an exception that ended',
    { from, exceptions: until('2026-03-09') },
    withEvidence(plain, scan([['CVE-1', 'high']])),
    'block',
    'the exception for CVE-1 of user:anna ended 2026-03-09',
  ],
  [
    'an exception for another package',
    { from, exceptions: [{ ...until('2026-12-31')[0], package: 'zip' }] },
    withEvidence(plain, scan([['CVE-1', 'high']])),
    'block',
  ],
])

test('a report names every subject, with what decided, as plain JSON', () => {
  const good = scan([], { subject: AMD })
  const report = judge('vulnerabilities', { vulnerabilities: { from } }, [withEvidence(index, good)])
  expect(JSON.parse(JSON.stringify(report))).toEqual(report)
  expect(report?.inputs['subjects']).toEqual([
    { source: plain.source, platform: 'linux/amd64', digest: AMD, evidence: good.id, verdict: 'pass' },
    { source: plain.source, platform: 'linux/arm64', digest: ARM, evidence: null, verdict: 'block' },
  ])
})
