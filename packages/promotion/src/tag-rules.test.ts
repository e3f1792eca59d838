import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  immutableBy,
  isReleaseTag,
  isSignatureTag,
  matchesTag,
  parseTagRules,
  PromotionError,
  refuseTag,
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

test('tag rules of a feed are read', () => {
  expect(parseTagRules({})).toEqual({})
  const all = { versions: true, permitted: ['edge', 'pr-*'], immutable: ['release', 'v*'] }
  expect(parseTagRules(all)).toEqual(all)
  expect(parseTagRules(TRUSTED_TAG_RULES)).toEqual(TRUSTED_TAG_RULES)
  expect(immutableBy(parseTagRules({ immutable: ['v*'] }), 'v1')).toBe('v*')
})

test.each([
  [null, ''],
  [{ immutabel: [] }, 'immutabel'],
  [{ immutable: 'release' }, 'immutable'],
  [{ immutable: ['a b'] }, 'immutable[0]'],
  [{ versions: 'yes' }, 'versions'],
  [{ permitted: ['edge'] }, 'permitted'],
  [{ versions: true, permitted: ['edge', 'latest'] }, 'permitted[1]'],
])('wrong tag rules, %j, are refused naming the field', (value, field) => {
  expect(() => parseTagRules(value)).toThrow(PromotionError)
  expect(() => parseTagRules(value)).toThrow(
    expect.objectContaining({ code: 'invalid', issues: [expect.objectContaining({ field })] }),
  )
})

describe('where tags are versions', () => {
  const rules = { versions: true, permitted: ['edge', 'pr-*', '*'.repeat(3)] }
  const strict = { versions: true, permitted: ['edge', 'pr-*'] }
  const hex = 'a'.repeat(64)

  test.each([
    ['1.4.2', null],
    ['1.4.2-rc.1', null],
    ['edge', null],
    ['pr-17', null],
    [`sha256-${hex}`, null],
    [`sha256-${hex}.sig`, null],
    [`sha256-${hex}.evil`, 'versions: permitted'],
    ['main', 'versions: permitted'],
    ['v1.4.2', 'versions: permitted'],
    ['latest', 'versions: virtual'],
    ['latest-stable', 'versions: virtual'],
    ['1', 'versions: virtual'],
    ['1.4', 'versions: virtual'],
  ])('%s may be set unless %s', (tag, rule) => {
    expect(refuseTag(strict, tag)?.rule ?? null).toBe(rule)
    expect(refuseTag({}, tag)).toBeNull()
    expect(refuseTag({ versions: false }, tag)).toBeNull()
  })

  test('a pattern that matches everything permits no virtual tag', () => {
    expect(refuseTag(rules, 'main')).toBeNull()
    expect(refuseTag(rules, 'latest')?.rule).toBe('versions: virtual')
  })

  test('the refusal names what is allowed', () => {
    expect(refuseTag(strict, 'main')?.message).toContain('edge, pr-*')
  })
})

test.each([
  [`sha256-${'a'.repeat(64)}`, true],
  [`sha512-${'0'.repeat(64)}`, true],
  [`sha256-${'a'.repeat(64)}.att`, true],
  [`sha256-${'a'.repeat(64)}.sbom`, true],
  [`sha256-${'a'.repeat(64)}.sigh`, false],
  [`sha256-${'A'.repeat(64)}`, false],
  [`sha256-${'a'.repeat(63)}`, false],
])('%s holds signatures: %s, and then no pattern makes it immutable', (tag, signature) => {
  expect(isSignatureTag(tag)).toBe(signature)
  expect(immutableBy({ immutable: ['*'] }, tag)).toBe(signature ? null : '*')
})
