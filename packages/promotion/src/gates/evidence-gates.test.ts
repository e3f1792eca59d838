import { describe, expect, test } from 'vitest'
import type { Evidence, TicketState } from '../index.ts'
import {
  AMD,
  ARM,
  fact,
  from,
  hoursAgo,
  index,
  judge,
  plain,
  table,
  unreadable,
  withEvidence,
} from './test-gate.ts'

const result = (word: 'PASSED' | 'WARNED' | 'FAILED', over: Partial<Evidence> = {}) =>
  fact({
    summary: {
      kind: 'test',
      result: word,
      passed: 1,
      warned: 0,
      failed: word === 'FAILED' ? 1 : 0,
      failedTests: [],
    },
    ...over,
  })
const sbom = (licences: (string | null)[], over: Partial<Evidence> = {}) =>
  fact({
    summary: {
      kind: 'sbom',
      packages: licences.length,
      licences: licences.map((licence) => ({ licence, count: 1, packages: ['p@1'] })),
    },
    ...over,
  })

table('tests', [
  ['passed', [{ from }], withEvidence(plain, result('PASSED')), 'pass'],
  ['none', [{ from }], plain, 'block', 'no test result from key:ci'],
  ['failed', [{ from }], withEvidence(plain, result('FAILED')), 'block', 'FAILED'],
  ['warned is not passed', [{ from }], withEvidence(plain, result('WARNED')), 'block'],
  ['by somebody else', [{ from }], withEvidence(plain, result('PASSED', { from: ['user:eve'] })), 'block'],
  ['by nobody', [{ from }], withEvidence(plain, result('PASSED', { from: [] })), 'block'],
  [
    'by a robot that may',
    [{ from: ['robot:ci'] }],
    withEvidence(plain, result('PASSED', { from: ['robot:ci'] })),
    'pass',
  ],
  ['about another digest', [{ from }], withEvidence(plain, result('PASSED', { subject: ARM })), 'block'],
  [
    'the newest decides: failed',
    [{ from }],
    withEvidence(
      plain,
      result('FAILED', { receivedAt: hoursAgo(1) }),
      result('PASSED', { receivedAt: hoursAgo(2) }),
    ),
    'block',
  ],
  [
    'the newest decides: passed',
    [{ from }],
    withEvidence(
      plain,
      result('FAILED', { receivedAt: hoursAgo(2) }),
      result('PASSED', { receivedAt: hoursAgo(1) }),
    ),
    'pass',
  ],
  [
    'what failed is not made good by sending an older pass again',
    [{ from }],
    withEvidence(
      plain,
      result('PASSED', { contentDigest: 'sha256:old', receivedAt: hoursAgo(3) }),
      result('FAILED', { receivedAt: hoursAgo(2) }),
      result('PASSED', { contentDigest: 'sha256:old', receivedAt: hoursAgo(1) }),
    ),
    'block',
  ],
  [
    'an older pass that a stranger sent first is as new as it came from who counts',
    [{ from }],
    withEvidence(
      plain,
      result('PASSED', { contentDigest: 'sha256:x', receivedAt: hoursAgo(9), from: ['user:eve'] }),
      result('FAILED', { receivedAt: hoursAgo(2) }),
      result('PASSED', { contentDigest: 'sha256:x', receivedAt: hoursAgo(1) }),
    ),
    'pass',
  ],
  [
    'a newer one that cannot be read blocks',
    [{ from }],
    withEvidence(plain, result('PASSED', { receivedAt: hoursAgo(2) }), unreadable('test')),
    'block',
    'cannot be read',
  ],
  [
    'too old',
    [{ from, maxAge: { hours: 1 } }],
    withEvidence(plain, result('PASSED', { receivedAt: hoursAgo(2) })),
    'block',
    'older than 1 h',
  ],
  [
    'old enough',
    [{ from, maxAge: { hours: 2 } }],
    withEvidence(plain, result('PASSED', { receivedAt: hoursAgo(2) })),
    'pass',
  ],
  [
    'dated in the future',
    [{ from }],
    withEvidence(plain, result('PASSED', { claimedAt: hoursAgo(-1) })),
    'block',
    'future',
  ],
  [
    'every rule by itself',
    [{ from }, { from: ['key:qa'] }],
    withEvidence(plain, result('PASSED')),
    'block',
    'key:qa',
  ],
  [
    'every rule met',
    [{ from }, { from: ['key:qa'] }],
    withEvidence(plain, result('PASSED'), result('PASSED', { from: ['key:qa'] })),
    'pass',
  ],
  ['of an index, the index itself', [{ from }], withEvidence(index, result('PASSED')), 'pass'],
  [
    'of an index, every platform where asked',
    [{ from, of: 'platforms' }],
    withEvidence(index, result('PASSED', { subject: AMD })),
    'block',
    'linux/arm64',
  ],
  [
    'what could not be read is said',
    [{ from }],
    { ...plain, unread: ['sha256:l: too large'] },
    'block',
    'attached evidence was not read: sha256:l: too large',
  ],
  [
    'what counts decides nothing where not all was looked at',
    [{ from }],
    { ...withEvidence(plain, result('PASSED')), incomplete: ['more than 1000 artifacts'] },
    'block',
    'app@sha256:root: more than 1000 artifacts',
  ],
  ['all was looked at', [{ from }], { ...withEvidence(plain, result('PASSED')), incomplete: [] }, 'pass'],
])

table('evidence', [
  ['of a type', [{ type: 'sbom', from }], withEvidence(plain, sbom(['MIT'])), 'pass'],
  ['of another type', [{ type: 'sbom', from }], withEvidence(plain, result('PASSED')), 'block'],
  [
    'of a predicate type',
    [{ type: 'https://e.com/p', from }],
    withEvidence(plain, fact({ summary: { kind: 'statement' }, predicateType: 'https://e.com/p' })),
    'pass',
  ],
  [
    'of a predicate type by somebody else',
    [{ type: 'https://e.com/p', from: ['key:qa'] }],
    withEvidence(plain, fact({ summary: { kind: 'statement' }, predicateType: 'https://e.com/p' })),
    'block',
  ],
])

const built = (builder: string) => fact({ summary: { kind: 'provenance', builder, buildType: null } })
table('provenance', [
  ['the builder', { builders: ['https://b/1'], from }, withEvidence(plain, built('https://b/1')), 'pass'],
  ['a pattern', { builders: ['https://b/*'], from }, withEvidence(plain, built('https://b/2')), 'pass'],
  [
    'another',
    { builders: ['https://b/1'], from },
    withEvidence(plain, built('https://b/12')),
    'block',
    'https://b/12',
  ],
  ['none', { builders: ['*'], from }, plain, 'block'],
])

table('sbom', [
  ['of the image', { from }, withEvidence(plain, sbom(['MIT'])), 'pass'],
  ['of an index, not of the index', { from }, withEvidence(index, sbom(['MIT'])), 'block', 'linux/amd64'],
  [
    'of every platform',
    { from },
    withEvidence(index, sbom(['MIT'], { subject: AMD }), sbom(['MIT'], { subject: ARM })),
    'pass',
  ],
  ['an index without images is its own subject', { from }, { ...index, platforms: [] }, 'block'],
  ['unreadable', { from }, withEvidence(plain, unreadable('sbom')), 'block'],
])

const deny = ['GPL-3.0-only', 'AGPL-*']
table('licences', [
  ['none denied', { deny, from }, withEvidence(plain, sbom(['MIT', 'Apache-2.0'])), 'pass'],
  ['one denied', { deny, from }, withEvidence(plain, sbom(['MIT', 'GPL-3.0-only'])), 'block', 'p@1'],
  ['in any case, by a pattern', { deny, from }, withEvidence(plain, sbom(['agpl-3.0-or-later'])), 'block'],
  ['a choice that is open', { deny, from }, withEvidence(plain, sbom(['MIT OR GPL-3.0-only'])), 'pass'],
  ['no choice', { deny, from }, withEvidence(plain, sbom(['MIT AND GPL-3.0-only'])), 'block'],
  [
    'brackets',
    { deny, from },
    withEvidence(plain, sbom(['(MIT AND BSD-3-Clause) OR (GPL-3.0-only)'])),
    'pass',
  ],
  [
    'an exception',
    { deny: ['GPL-2.0-only'], from },
    withEvidence(plain, sbom(['GPL-2.0-only WITH Classpath-exception-2.0'])),
    'block',
  ],
  ['no expression', { deny, from }, withEvidence(plain, sbom(['see GPL-3.0-only (or ask'])), 'block'],
  [
    'deep brackets',
    { deny, from },
    withEvidence(plain, sbom([`${'('.repeat(400)}GPL-3.0-only${')'.repeat(400)}`])),
    'block',
  ],
  ['none named', { deny, from }, withEvidence(plain, sbom([null])), 'pass'],
  [
    'none named, where that is denied',
    { deny, unknown: 'deny', from },
    withEvidence(plain, sbom([null])),
    'block',
    'no licence named',
  ],
  ['no SBOM', { deny, from }, plain, 'block'],
])

const signature = (over: Partial<Evidence> = {}) => fact({ summary: { kind: 'signature' }, ...over })
table('signatures', [
  ['by the key', [{ from }], withEvidence(plain, signature()), 'pass'],
  ['by another', [{ from: ['key:qa'] }], withEvidence(plain, signature()), 'block'],
  ['of another image', [{ from }], withEvidence(plain, signature({ subject: ARM })), 'block'],
  [
    'by both',
    [{ from }, { from: ['key:qa'] }],
    withEvidence(plain, signature({ from: ['key:ci', 'key:qa'] })),
    'pass',
  ],
  ['by one of both', [{ from }, { from: ['key:qa'] }], withEvidence(plain, signature()), 'block'],
])

table('predecessor', [
  ['was there', { feed: 'test' }, { ...plain, reached: ['test', 'test-old'] }, 'pass'],
  ['under a former name', { feed: 'test-old' }, { ...plain, reached: ['test', 'test-old'] }, 'pass'],
  ['never was', { feed: 'test' }, { ...plain, reached: ['dev'] }, 'block', 'never promoted into test'],
])

describe('ticket', () => {
  const said = (state: string, hours: number, key = 'jira', ticket = 'C-1') => ({
    ticket,
    state,
    at: hoursAgo(hours),
    key,
  })
  test.each<[string, object, TicketState[], string]>([
    ['nothing said', { keys: ['jira'] }, [], 'wait'],
    ['approved', { keys: ['jira'] }, [said('approved', 1)], 'pass'],
    ['still open', { keys: ['jira'] }, [said('open', 1)], 'wait'],
    ['opened again', { keys: ['jira'] }, [said('approved', 2), said('open', 1)], 'wait'],
    ['said late, of an earlier time', { keys: ['jira'] }, [said('open', 1), said('approved', 2)], 'wait'],
    ['by another key', { keys: ['snow'] }, [said('approved', 1)], 'wait'],
    ['every ticket', { keys: ['jira'] }, [said('approved', 1), said('open', 1, 'jira', 'C-2')], 'wait'],
    ['other states', { keys: ['jira'], states: ['done', 'closed'] }, [said('closed', 1)], 'pass'],
  ])('%s', (_, ticket, tickets, verdict) => {
    expect(judge('ticket', { ticket }, [plain], tickets)).toMatchObject({ verdict, until: null })
  })
})
