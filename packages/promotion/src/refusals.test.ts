import { describe, expect, test } from 'vitest'
import {
  type AskedItem,
  parsePolicy,
  parseRetention,
  parseTagRules,
  releasesWithin,
  requireSatisfiable,
  resolveBack,
  resolveItems,
} from './index.ts'
import { digest, refusal } from './test-refusal.ts'

// What a person is told when a rule says no: the code, the words, and what a client gets beside them.

describe('what is asked for', () => {
  const said = (items: AskedItem[]) => refusal(() => resolveItems(items, ['dev', 'old']))
  const image = 'app:1'
  test.each<[AskedItem[], string, string, string]>([
    [[], 'items', 'count', '1 to 100 items are needed'],
    [[{ image, targetTags: [] }], 'items[0].targetTags', 'count', '1 to 100 tags are needed'],
    [
      [{ image, targetTags: Array.from({ length: 101 }, (_, i) => `t${i}`) }],
      'items[0].targetTags',
      'count',
      '1 to 100 tags are needed',
    ],
    [[{ image, targetTags: ['a b'] }], 'items[0].targetTags[0]', 'tag', '"a b" is not a tag'],
    [
      [{ image, targetTags: [`sha512-${'a'.repeat(64)}`] }],
      'items[0].targetTags[0]',
      'reserved_tag',
      `sha512-${'a'.repeat(64)} would be read as the referrers of a digest; choose another tag`,
    ],
    [
      [{ image, targetRepository: 'A' }],
      'items[0].targetRepository',
      'repository_name',
      '"A" is not a repository name; leave the feed out, it is the lane\'s',
    ],
    [
      [{ image: `app@${digest}` }],
      'items[0].targetTags',
      'required',
      'needed, because the image is named by digest and has no tag to take',
    ],
    [
      [{ image }, { image: 'b:1', targetRepository: 'app' }],
      'items[1].targetTags',
      'repeated',
      'app:1 is already a target of items[0]; name each target once',
    ],
    [
      [{ image: 'app:-' }],
      'items[0].image',
      'tag_invalid',
      '"app:-": "-" is not a tag; a tag has 1 to 128 of A-Z a-z 0-9 _ . - and does not start with . or -',
    ],
  ])('%#', (items, field, rule, message) => {
    expect(said(items)).toEqual({
      code: 'invalid',
      message: `${field}: ${message}`,
      issues: [{ field, rule, message }],
    })
  })

  test('as many as there may be', () => {
    const many = Array.from({ length: 100 }, (_, i) => `t${i}`)
    expect(resolveItems([{ image, targetTags: many }], ['dev'])[0]?.targetTags).toHaveLength(100)
    expect(
      resolveItems(
        many.map((tag) => ({ image: `app:${tag}` })),
        ['dev'],
      ),
    ).toHaveLength(100)
    expect(resolveItems([{ image }], ['dev'])).toEqual([
      {
        repository: 'app',
        tag: '1',
        digest: null,
        targetRepository: 'app',
        targetTags: ['1'],
        targetTagDefaulted: true,
      },
    ])
    expect(resolveItems([{ image, targetTags: ['2'] }], ['dev'])[0]?.targetTagDefaulted).toBe(false)
  })

  test('backwards', () => {
    const back = (kind: 'rollback' | 'restore', items: AskedItem[], reason?: string) =>
      refusal(() => resolveBack(kind, items, reason, ['trusted'])).issues
    expect(back('rollback', [{ image, targetRepository: 'x' }])).toEqual([
      { field: 'reason', rule: 'required', message: 'a rollback says why' },
      {
        field: 'items[0].targetRepository',
        rule: 'fixed',
        message: 'a rollback stays in the repository of its image; leave it out',
      },
      { field: 'items[0].targetTags', rule: 'required', message: 'name the tags that are to move back' },
    ])
    expect(back('restore', [{ image, targetTags: ['x'] }, { image }], ' ')).toEqual([
      { field: 'reason', rule: 'required', message: 'a restore says why' },
      { field: 'items[0].targetTags', rule: 'fixed', message: 'a restore moves no tag; leave it out' },
      { field: 'items', rule: 'count', message: 'a restore undoes one recall: name one image' },
    ])
    const elsewhere = { image: 'localhost/dev/app:1' }
    for (const [kind, item] of [
      ['restore', elsewhere],
      ['rollback', { ...elsewhere, targetTags: ['x'] }],
    ] as const) {
      expect(refusal(() => resolveBack(kind, [item], 'why', ['trusted']))).toMatchObject({
        code: 'lane_source',
        issues: [
          {
            field: 'items[0].image',
            rule: 'lane_source',
            message:
              '"localhost/dev/app:1" is an image of the feed "dev"; "trusted" is expected: lanes lead forward, choose one that takes from that feed',
          },
        ],
      })
    }
    expect(resolveBack('restore', [{ image }], 'why', ['trusted'])).toEqual([
      {
        repository: 'app',
        tag: '1',
        digest: null,
        targetRepository: 'app',
        targetTags: [],
        targetTagDefaulted: false,
      },
    ])
  })
})

describe('a lane, a feed, a range', () => {
  const lane = (quorum: object[], reach: Partial<Parameters<typeof requireSatisfiable>[1]>) =>
    refusal(() =>
      requireSatisfiable(parsePolicy({ gates: { quorum } }), {
        groups: new Map(),
        approvers: null,
        requesters: [],
        ...reach,
      }),
    ).issues
  const group = (count: number) => [{ count: 1 }, { count, group: 'qa' }]

  test('a lane that nobody can satisfy says why', () => {
    expect(lane(group(1), { groups: new Map([['qa', null]]) })).toEqual([
      { field: 'gates.quorum[1].group', rule: 'unknown_name', message: 'there is no group qa' },
    ])
    expect(lane(group(3), { groups: new Map([['qa', ['a', 'b']]]) })).toEqual([
      {
        field: 'gates.quorum[1].count',
        rule: 'unsatisfiable',
        message: 'qa has 2 members, and 3 of them must approve',
      },
    ])
    const said = (message: string) => [{ field: 'gates.quorum', rule: 'unsatisfiable', message }]
    expect(
      lane(
        [
          { count: 1, group: 'x' },
          { count: 1, group: 'y' },
        ],
        {
          groups: new Map([
            ['x', ['a']],
            ['y', ['a']],
          ]),
        },
      ),
    ).toEqual(said('the groups share too few persons: each fills one seat of one rule only'))
    expect(lane(group(1), { groups: new Map([['qa', ['a']]]), requesters: [['a', 'b']] })).toEqual(
      said('whoever may request is needed among the approvers, and nobody approves the own request'),
    )
    expect(lane([{ count: 1 }], { approvers: ['a'], requesters: [['a', 'b']] })).toEqual(
      said(
        'the only one who may approve is the only one who may request, and nobody approves the own request',
      ),
    )
  })

  test('tag rules and retention', () => {
    expect(
      refusal(() => parseTagRules({ versions: true, permitted: ['x', 'a b'], version: true })).issues,
    ).toEqual([
      {
        field: 'permitted[1]',
        rule: 'invalid_format',
        message: 'must be "release" or a glob of A-Z a-z 0-9 _ . - and * (1 to 128 characters)',
      },
      {
        field: 'version',
        rule: 'unknown_key',
        message:
          '"version" is not known here; did you mean "versions"? known are versions, permitted, immutable',
      },
    ])
    expect(refusal(() => parseTagRules({ permitted: ['x', '1.2'] })).issues).toEqual([
      {
        field: 'permitted',
        rule: 'custom',
        message: 'has no effect unless versions is true; any tag is permitted without it',
      },
      {
        field: 'permitted[1]',
        rule: 'custom',
        message: '1.2 is a virtual tag; with versions the feed itself keeps it',
      },
    ])
    expect(refusal(() => parseRetention({ rules: [{ repositories: ['A'], keepLast: 1 }] })).issues).toEqual([
      {
        field: 'rules[0].repositories[0]',
        rule: 'invalid_format',
        message: 'must be a repository name, in which * is any run of characters',
      },
    ])
    expect(refusal(() => parseRetention({ rules: [{ repositories: ['a'] }] })).issues).toEqual([
      {
        field: 'rules[0]',
        rule: 'custom',
        message: 'a rule keeps something: give keepLast, keepDays or keepTags',
      },
    ])
  })

  test('a range that is none', () => {
    for (const range of ['one', '1'.repeat(129)]) {
      const { issues } = refusal(() => releasesWithin(range, []))
      expect(issues).toEqual([
        {
          field: 'range',
          rule: 'version_range',
          message: expect.stringMatching(
            / is no range of versions, as ~1\.4, \^1, ">=1\.2 <2" or latest-stable$/,
          ),
        },
      ])
    }
    expect(releasesWithin('1'.padEnd(128, ' '), ['1.2.3', '2.0.0'])).toEqual(['1.2.3'])
  })

  test('foreign text is cut at eighty characters, and said in printable ASCII', () => {
    const long = (n: number) => refusal(() => parsePolicy({ [`z${'y'.repeat(n)}`]: 1 })).issues[0]
    expect(long(79)?.message).toContain(`"z${'y'.repeat(79)}" is not known here; known are`)
    expect(long(80)?.message).toContain(`"z${'y'.repeat(79)}..." is not known here`)
    expect(long(80)?.field).toBe(`z${'y'.repeat(79)}`)
    expect(refusal(() => parsePolicy({ '\u00e9\u0007': 1 })).message).toContain('"\\u00e9\\u0007" is not')
  })
})
