import { describe, expect, it } from 'vitest'
import { PromotionError } from './errors.ts'
import { type HeldManifest, parseRetention, planRetention } from './retention.ts'

const NOW = new Date('2026-11-23T12:00:00Z')
const ago = (days: number) => new Date(NOW.getTime() - days * 86_400_000)
const digest = (letter: string) => `sha256:${letter.repeat(64)}`

const manifest = (letter: string, over: Partial<HeldManifest> = {}): HeldManifest => ({
  digest: digest(letter),
  pushedAt: ago(30),
  children: [],
  subject: null,
  claimed: false,
  running: false,
  ...over,
})
const tag = (name: string, letter: string, days = 30) => ({
  name,
  digest: digest(letter),
  movedAt: ago(days),
})

/** Letters of what goes, in order. */
const plan = (...given: Parameters<typeof planned>): string =>
  planned(...given)
    .gone.map((retired) => retired.digest[7])
    .join('')

function planned(
  rule: object,
  tags: ReturnType<typeof tag>[],
  manifests: HeldManifest[],
  { repository = 'app', immutable = [] as string[], others = [] as object[] } = {},
) {
  const rules = parseRetention({ rules: [{ repositories: ['app'], ...rule }, ...others] })
  return planRetention(rules, { immutable }, { repository, tags, manifests }, NOW)
}

const abc = [manifest('a'), manifest('b'), manifest('c')]
const tags = [tag('one', 'a', 30), tag('two', 'b', 20), tag('three', 'c', 10)]

describe('what retention lets go of', () => {
  it.each([
    ['keeps the last', { keepLast: 1 }, 'ab'],
    ['keeps the days', { keepDays: 25 }, 'a'],
    ['keeps the tags', { keepTags: ['t*'] }, 'a'],
    ['keeps what any part of a rule keeps', { keepLast: 1, keepTags: ['one'] }, 'b'],
  ])('%s', (_, rule, gone) => {
    const old = abc.map((held) => ({ ...held, pushedAt: ago(40) }))
    expect(plan(rule, tags, old)).toBe(gone)
  })

  it.each([
    ['another rule', { others: [{ repositories: ['a*'], keepTags: ['one'] }] }, 'b'],
    ['an immutable tag', { immutable: ['one'] }, 'b'],
    ['no rule for the repository', { repository: 'team/app' }, ''],
  ])('keeps what is kept by %s', (_, options, gone) => {
    expect(plan({ keepLast: 1 }, tags, abc, options)).toBe(gone)
  })

  it('keeps what was promoted or is asked for, and what is younger than a day', () => {
    const held = [
      manifest('a', { claimed: true }),
      manifest('b', { pushedAt: ago(0.9) }),
      manifest('c'),
      manifest('d'),
    ]
    expect(plan({ keepLast: 1 }, tags, held)).toBe('d')
  })

  it('keeps what runs with all that belongs to it, and tells it from what a rule keeps', () => {
    const held = [
      manifest('1', { running: true, children: [digest('2')] }),
      manifest('2'),
      manifest('3', { subject: digest('2') }),
      manifest('4', { running: true }),
      manifest('5'),
    ]
    const { gone, kept } = planned({ keepLast: 1 }, [tag('old', '1'), tag('last', '4', 1)], held)
    expect(gone).toEqual([{ digest: digest('5'), tags: [] }])
    expect(kept).toEqual([
      { digest: digest('1'), tags: ['old'] },
      { digest: digest('2'), tags: [] },
      { digest: digest('3'), tags: [] },
    ])
  })

  it('keeps children and referrers of what is kept, whatever depth, and every tag on them', () => {
    const held = [
      manifest('1', { children: [digest('2')] }),
      manifest('2', { children: [digest('3')] }),
      manifest('3'),
      manifest('4', { subject: digest('3') }),
      manifest('5', { subject: digest('4'), children: [digest('6')] }),
      manifest('6'),
      manifest('7'),
      manifest('8'),
    ]
    const signed = [tag('kept', '1', 1), tag('child', '3', 29), tag(`sha256-${'2'.repeat(64)}.sig`, '7')]
    expect(plan({ keepLast: 1 }, signed, held)).toBe('8')
  })

  it('lets go of an index before its children, and of subjects before their referrers', () => {
    const held = [
      manifest('3', { subject: digest('2') }),
      manifest('2'),
      manifest('1', { children: [digest('2')] }),
    ]
    expect(plan({ keepTags: ['none'] }, [tag('old', '1')], held)).toBe('123')
  })

  it('does not count signatures among the last', () => {
    const signed = [...tags, tag(`sha256-${'a'.repeat(64)}.sig`, 'd', 1)]
    expect(plan({ keepLast: 1 }, signed, [...abc, manifest('d')])).toBe('abd')
  })
})

it.each([
  [{}],
  [{ rules: [{ repositories: ['app'] }] }],
  [{ rules: [{ repositories: [], keepLast: 1 }] }],
  [{ rules: [{ repositories: ['App'], keepLast: 1 }] }],
  [{ rules: [{ repositories: ['app'], keepLast: 0 }] }],
  [{ rules: [{ repositories: ['app'], keepLasts: 1 }] }],
])('refuses %j', (value) => {
  expect(() => parseRetention(value)).toThrow(PromotionError)
})
