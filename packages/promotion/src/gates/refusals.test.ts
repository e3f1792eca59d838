import { describe, expect, test } from 'vitest'
import { said } from '../test-refusal.ts'
import { robot } from './test-report.ts'

describe('a rule that is written wrong, word for word', () => {
  const gates = (value: object) => ({ gates: value })
  const exception = { id: 'CVE-1', owner: 'user:a', until: '2026-12-31', reason: 'r' }
  test.each<[unknown, string]>([
    [
      gates({ tests: [{ from: ['ci'] }] }),
      'gates.tests[0].from[0]: must be key:NAME or identity:NAME (of this lane), robot:NAME or user:NAME',
    ],
    [
      gates({ signatures: [{ from: robot }] }),
      'gates.signatures[0].from: a signature is by a key or an identity: key:NAME, identity:NAME',
    ],
    ...[['key:ci', 'robot:ci'], ['robot:key:ci']].map((from): [unknown, string] => [
      { keys: {}, ...gates({ signatures: [{ from }] }) },
      from.length === 2
        ? 'gates.signatures[0].from: a signature is by a key or an identity: key:NAME, identity:NAME'
        : 'gates.signatures[0].from[0]: must be key:NAME or identity:NAME (of this lane), robot:NAME or user:NAME; gates.signatures[0].from: a signature is by a key or an identity: key:NAME, identity:NAME',
    ]),
    [
      gates({ evidence: [{ type: 'x', from: robot }] }),
      'gates.evidence[0].type: must be one of test, provenance, sbom, vulnerabilities, vex, signature, statement, or the URI of a predicate type',
    ],
    [
      gates({ tests: [{ from: ['key:cj'] }] }),
      'gates.tests[0].from[0]: "cj" is no key of this lane; the lane has none',
    ],
    [
      gates({ window: { zone: 'Mars/Base', open: [{ days: ['mon'], from: '09:00', to: '10:00' }] } }),
      'gates.window.zone: must be a time zone, as Europe/Berlin or UTC',
    ],
    [gates({ window: { zone: 'UTC' } }), 'gates.window: open or freezes must be given'],
    [
      gates({ window: { zone: 'UTC', open: [{ days: ['mon'], from: '9', to: '24:01' }] } }),
      'gates.window.open[0].from: must be a time of day, as 09:30; gates.window.open[0].to: must be a time of day, as 09:30',
    ],
    [
      gates({ window: { zone: 'UTC', open: [{ days: ['mon'], from: '09:00', to: '09:00' }] } }),
      'gates.window.open[0]: the window is never open',
    ],
    [
      gates({ window: { zone: 'UTC', freezes: [{ name: 'x', from: '2026-02-30', to: 'soon' }] } }),
      'gates.window.freezes[0].from: is no day of the calendar; gates.window.freezes[0].to: must be a day, as 2026-12-24, or a day and time; gates.window.freezes[0].to: is no day of the calendar',
    ],
    [
      gates({ window: { zone: 'UTC', freezes: [{ name: 'x', from: '2026-02-03', to: '2026-02-02' }] } }),
      'gates.window.freezes[0].to: it ends before it begins',
    ],
    [
      gates({
        vulnerabilities: { from: robot, exceptions: [{ ...exception, owner: 'anna', until: 'soon' }] },
      }),
      'gates.vulnerabilities.exceptions[0].owner: must be user:NAME or group:NAME; gates.vulnerabilities.exceptions[0].until: must be a day, as 2026-12-31',
    ],
  ])('%j', (policy, message) => {
    expect(said(policy)).toBe(message)
  })

  test.each<[string, object, boolean]>([
    ['the last hour of maxAge', { sbom: { from: robot, maxAge: { hours: 87_600 } } }, true],
    ['an hour too many', { sbom: { from: robot, maxAge: { hours: 87_601 } } }, false],
    ['none', { sbom: { from: robot, maxAge: { hours: 0 } } }, false],
    ['twenty sources', { sbom: { from: Array(20).fill('robot:a') } }, true],
    ['one too many', { sbom: { from: Array(21).fill('robot:a') } }, false],
    ['twenty rules', { tests: Array.from({ length: 20 }, () => ({ from: robot })) }, true],
    ['a rule too many', { tests: Array.from({ length: 21 }, () => ({ from: robot })) }, false],
    ['no rule', { tests: [] }, false],
    ['no rule of signatures', { signatures: [] }, false],
    ['no rule of evidence', { evidence: [] }, false],
    ['no builder', { provenance: { builders: [], from: robot } }, false],
    ['a builder with a space', { provenance: { builders: ['a b'], from: robot } }, false],
    ['nothing denied', { licences: { deny: [], from: robot } }, false],
    ['a licence in another script', { licences: { deny: ['\u00e9'], from: robot } }, false],
    ['a negative limit', { vulnerabilities: { from: robot, allow: { low: -1 } } }, false],
    [
      'a reason of nothing',
      { vulnerabilities: { from: robot, exceptions: [{ ...exception, reason: '' }] } },
      false,
    ],
    [
      'a package of nothing',
      { vulnerabilities: { from: robot, exceptions: [{ ...exception, package: '' }] } },
      false,
    ],
    [
      'an exception of a group',
      { vulnerabilities: { from: robot, exceptions: [{ ...exception, owner: 'group:x' }] } },
      true,
    ],
    ['a feed name', { predecessor: { feed: 'a-b_c' } }, true],
    ['a bad feed name', { predecessor: { feed: '-a' } }, false],
    ['a feed name that ends badly', { predecessor: { feed: 'a-' } }, false],
    ['no ticket key', { ticket: { keys: [] } }, false],
    ['a bad ticket key', { ticket: { keys: ['A'] } }, false],
    ['a ticket key that ends badly', { ticket: { keys: ['a.'] } }, false],
    ['no ticket state', { ticket: { keys: ['a'], states: [] } }, false],
    ['a ticket state of nothing', { ticket: { keys: ['a'], states: [''] } }, false],
    [
      'seven days',
      { window: { zone: 'UTC', open: [{ days: Array(7).fill('mon'), from: '00:00', to: '24:00' }] } },
      true,
    ],
    ['no day', { window: { zone: 'UTC', open: [{ days: [], from: '00:00', to: '24:00' }] } }, false],
    ['no window', { window: { zone: 'UTC', open: [] } }, false],
    ['no freeze', { window: { zone: 'UTC', freezes: [] } }, false],
    [
      'a freeze without a name',
      { window: { zone: 'UTC', freezes: [{ name: '', from: '2026-01-01', to: '2026-01-02' }] } },
      false,
    ],
    ['soak of nothing', { soak: { minutes: 0 } }, false],
    ['soak of a year', { soak: { minutes: 525_600 } }, true],
    ['soak of more', { soak: { minutes: 525_601 } }, false],
    ['twenty persons', { quorum: [{ count: 20 }] }, true],
    ['one person more', { quorum: [{ count: 21 }] }, false],
    ['nobody', { quorum: [{ count: 0 }] }, false],
    ['no quorum', { quorum: [] }, false],
    ['no pattern', { tagRule: { patterns: [] } }, false],
  ])('%s', (_, value, taken) => {
    expect(said(gates(value)) === 'nothing').toBe(taken)
  })
})
