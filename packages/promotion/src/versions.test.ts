import * as fc from 'fast-check'
import semver from 'semver'
import { describe, expect, test } from 'vitest'
import {
  isReleaseTag,
  isVirtualTag,
  PromotionError,
  releasesBehind,
  releasesWithin,
  resolveVirtual,
  virtualTags,
} from './index.ts'
import { compareTags } from './version-order.ts'

test.each([
  ['latest', true],
  ['latest-stable', true],
  ['1', true],
  ['1.4', true],
  ['01.04', true],
  ['1.4.2', false],
  ['1.4-rc', false],
  ['v1', false],
  ['Latest', false],
  ['edge', false],
])('virtual tag %s: %s', (tag, virtual) => {
  expect(isVirtualTag(tag)).toBe(virtual)
  expect(releasesBehind(tag) !== null).toBe(virtual)
})

describe('what a virtual tag stands for', () => {
  const tags = ['3.1.0', '2.8.4', '2.8.3', '2.10.0', '3.2.0-rc.1', 'edge', 'v9.0.0', '2024x']

  test.each([
    ['latest', '3.1.0'],
    ['latest-stable', '3.1.0'],
    ['3', '3.1.0'],
    ['3.2', null], // a pre-release feeds no virtual tag
    ['2', '2.10.0'],
    ['2.8', '2.8.4'],
    ['02.8', '2.8.4'],
    ['9', null],
    ['3.1.0', null],
    ['edge', null],
  ])('%s is %s, in whatever order the releases came', (tag, release) => {
    expect(resolveVirtual(tag, tags)).toBe(release)
    expect(resolveVirtual(tag, tags.toReversed())).toBe(release)
  })

  test('all of them, in version order', () => {
    expect([...virtualTags(tags)]).toEqual([
      ['2', '2.10.0'],
      ['2.8', '2.8.4'],
      ['2.10', '2.10.0'],
      ['3', '3.1.0'],
      ['3.1', '3.1.0'],
      ['latest', '3.1.0'],
    ])
    expect(virtualTags(['edge', '1.0.0-rc.1']).size).toBe(0)
  })

  test('calendar versions count by number, and keep their way of writing', () => {
    const dates = ['2024.09.30', '2024.10.1', '2024.9.31']
    expect([...virtualTags(dates)]).toEqual([
      ['2024', '2024.10.1'],
      ['2024.9', '2024.9.31'],
      ['2024.10', '2024.10.1'],
      ['latest', '2024.10.1'],
    ])
    expect(resolveVirtual('2024.09', dates)).toBe('2024.9.31')
  })

  test('numbers of any length', () => {
    const huge = `${'9'.repeat(60)}.0.0`
    expect(resolveVirtual('latest', ['1.0.0', huge])).toBe(huge)
  })

  const number = fc.nat({ max: 12 })
  const release = fc.tuple(number, number, number).map((parts) => parts.join('.'))

  test('property: the one that semver calls the highest, and the listing says the same as the look-up', () => {
    const pre = fc.tuple(release, fc.constantFrom('rc.1', 'alpha', '0')).map((parts) => parts.join('-'))
    fc.assert(
      fc.property(fc.uniqueArray(fc.oneof(release, pre)), (tags) => {
        const stable = tags.filter((tag) => !tag.includes('-'))
        const listed = virtualTags(tags)
        expect(listed.get('latest') ?? null).toBe(semver.maxSatisfying(stable, '*'))
        for (const [tag, behind] of listed) {
          expect(resolveVirtual(tag, tags)).toBe(behind)
          expect(behind).toBe(semver.maxSatisfying(stable, tag === 'latest' ? '*' : tag))
        }
      }),
    )
  })

  test('property: releases are ordered as semver orders them', () => {
    const part = fc.constantFrom('0', '1', '10', 'rc', 'rc1', 'RC', 'a-b')
    const pre = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('.'))
    const any = fc.oneof(
      release,
      fc.tuple(release, pre).map((parts) => parts.join('-')),
    )
    fc.assert(
      fc.property(any, any, (a, b) => {
        expect(Math.sign(compareTags(a, b))).toBe(semver.compare(a, b))
      }),
    )
  })
})

describe('ranges', () => {
  const tags = ['1.4.2', '1.4.10', '1.5.0', '2.0.0-rc.1', '2.0.0', 'edge', '01.04.3', 'latest', '1.4']

  test.each([
    ['~1.4', ['1.4.2', '01.04.3', '1.4.10']],
    ['^1', ['1.4.2', '01.04.3', '1.4.10', '1.5.0']],
    ['>=1.5 <2', ['1.5.0']],
    ['1.4.2 || 2.x', ['1.4.2', '2.0.0']],
    ['>=2.0.0-rc.0', ['2.0.0-rc.1', '2.0.0']],
    ['latest-stable', ['2.0.0']],
    ['^3', []],
  ])('%s', (range, within) => {
    expect(releasesWithin(range, tags)).toEqual(within)
  })

  test.each(['>>1', 'one', '~1.4 !', 'x'.repeat(129), '\u001b[2J'])('%j is none', (range) => {
    expect(() => releasesWithin(range, tags)).toThrow(PromotionError)
    expect(() => releasesWithin(range, tags)).toThrow(
      expect.objectContaining({ code: 'invalid', issues: [expect.objectContaining({ field: 'range' })] }),
    )
  })

  test('nothing latest where nothing is stable', () => {
    expect(releasesWithin('latest-stable', ['1.0.0-rc.1'])).toEqual([])
  })
})

test('hostile tags and ranges take no time', () => {
  const started = performance.now()
  for (const text of [`${'1.'.repeat(50_000)}x`, `1.1.1-${'-.'.repeat(50_000)}!`, '0'.repeat(100_000)]) {
    isReleaseTag(text)
    isVirtualTag(text)
    resolveVirtual('latest', [text])
    expect(() => releasesWithin(text, [])).toThrow(PromotionError)
  }
  expect(() => releasesWithin(`${'<'.repeat(60)}${' '.repeat(60)}1`, [])).toThrow(PromotionError)
  expect(performance.now() - started).toBeLessThan(1000)
})

describe('versions written in two ways', () => {
  test('are one version: of its spellings the last in order is meant, whatever came first', () => {
    const spelled = ['1.2.3', '1.02.3', '01.2.3']
    const [first, , last] = spelled.toSorted()
    for (const tags of [spelled, spelled.toReversed()]) {
      expect(resolveVirtual('latest', tags)).toBe(last)
      expect([...virtualTags(tags)].find(([name]) => name === 'latest')).toEqual(['latest', last])
    }
    expect(first).not.toBe(last)
  })

  test('within a range: leading zeros of a pre-release are none, and words with digits stay words', () => {
    const tags = ['1.4.0-rc.01', '1.4.0-rc.2', '1.4.0-0a1', '1.4.0-a01', '1.4.1', '2.0.0', 'edge', '1.4']
    expect(releasesWithin('>=1.4.0-rc.1 <1.5', tags)).toEqual(['1.4.0-rc.01', '1.4.0-rc.2', '1.4.1'])
    expect(releasesWithin('1.4.0-0a1', tags)).toEqual(['1.4.0-0a1'])
    expect(releasesWithin('1.4.0-a01', tags)).toEqual(['1.4.0-a01'])
    expect(releasesWithin('1.4.0-rc.2', tags)).toEqual(['1.4.0-rc.2'])
    expect(releasesWithin('^2', tags)).toEqual(['2.0.0'])
    const huge = `${'9'.repeat(20)}.0.0`
    expect(releasesWithin('>=0.0.0', [huge, '1.0.0'])).toEqual(['1.0.0'])
  })

  test('a range has at most 128 characters', () => {
    const padded = (length: number) => `1.4.x${' '.repeat(length - 5)}`
    expect(releasesWithin(padded(128), ['1.4.1'])).toEqual(['1.4.1'])
    expect(() => releasesWithin(padded(129), ['1.4.1'])).toThrow(PromotionError)
  })
})
