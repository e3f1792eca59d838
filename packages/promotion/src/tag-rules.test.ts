import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  immutableBy,
  isReleaseTag,
  matchesTag,
  parseTagRules,
  PromotionError,
  TRUSTED_TAG_RULES,
} from './index.ts'

test.each([
  ['1.2.3', true],
  ['0.0.0', true],
  ['2024.01.05', true],
  ['3.4.1-rc.4', true],
  ['1.2', false],
  ['latest', false],
  ['v1.2.3', false],
  ['1.2.3.4', false],
  ['1.2.3-', false],
  ['1.2.3_x', false],
])('release tag %s: %s', (tag, release) => {
  expect(isReleaseTag(tag)).toBe(release)
  expect(immutableBy(TRUSTED_TAG_RULES, tag)).toBe(release ? 'release' : null)
})

describe('globs', () => {
  test.each([
    ['latest', 'latest', true],
    ['latest', 'latest2', false],
    ['*', '', true],
    ['*', 'anything', true],
    ['v*', 'v1', true],
    ['v*', '1v', false],
    ['*-rc', '1.0-rc', true],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'acb', false],
    ['ab*ab', 'ab', false],
    ['ab*ab', 'abab', true],
    ['a*', 'A1', false],
    ['1.2', '1x2', false],
  ])('%s on %s: %s', (pattern, tag, matches) => {
    expect(matchesTag(pattern, tag)).toBe(matches)
  })

  test('agree with the regular expression they stand for', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 8 })
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(pattern, letters, (glob, tag) => {
        const regex = new RegExp(`^${glob.replaceAll('.', '\\.').replaceAll('*', '.*')}$`)
        expect(matchesTag(glob, tag)).toBe(regex.test(tag))
      }),
    )
  })

  test('hostile patterns and tags take no time', () => {
    const started = performance.now()
    for (let i = 0; i < 100; i++) matchesTag('a*'.repeat(64), `${'a'.repeat(127)}b`)
    matchesTag('*a*a*a*b', 'a'.repeat(100_000))
    isReleaseTag(`1.1.1-${'-.'.repeat(50_000)}!`)
    expect(performance.now() - started).toBeLessThan(1000)
  })
})

test('tag rules of a feed are read, and wrong ones refused', () => {
  expect(parseTagRules({})).toEqual({})
  expect(parseTagRules({ immutable: ['release', 'v*'] })).toEqual({ immutable: ['release', 'v*'] })
  expect(immutableBy(parseTagRules({ immutable: ['v*'] }), 'v1')).toBe('v*')
  for (const value of [null, { immutabel: [] }, { immutable: 'release' }, { immutable: ['a b'] }]) {
    expect(() => parseTagRules(value)).toThrow(expect.objectContaining({ code: 'invalid' }))
  }
  expect(() => parseTagRules({ immutabel: [] })).toThrow(PromotionError)
})
