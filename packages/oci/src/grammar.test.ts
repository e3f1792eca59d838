import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { OciError } from './errors.ts'
import { isDigest, isFeedName, isRepositoryName, isTag, parseDigest } from './grammar.ts'

// The expressions as the Distribution specification prints them; safe on short input only.
const NAME = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/

const nearNames = fc.string({ unit: fc.constantFrom(...Array.from('ab09A._-/: \n\0é')), maxLength: 24 })

test('names and tags agree with the specification on short text', () => {
  fc.assert(
    fc.property(
      fc.oneof(nearNames, fc.string({ unit: fc.constantFrom(...Array.from('a0._-/')), maxLength: 12 })),
      (text) => {
        expect(isRepositoryName(text)).toBe(NAME.test(text))
        expect(isTag(text)).toBe(TAG.test(text))
      },
    ),
    { numRuns: 2000 },
  )
})

test('every name that the specification generates is accepted', () => {
  fc.assert(
    fc.property(
      fc.stringMatching(NAME, { size: 'small' }),
      (name) => isRepositoryName(name) || name.length > 255,
    ),
  )
})

test.each([
  ['team/app', true],
  ['a', true],
  ['a__b/c--d/e.f', true],
  ['a'.repeat(255), true],
  ['a'.repeat(256), false],
  ['', false],
  ['a___b', false],
  ['a..b', false],
  ['a_-b', false],
  ['a-', false],
  ['a__', false],
  ['/a', false],
  ['a/', false],
  ['a//b', false],
  ['../a', false],
  ['a\n', false],
  ['a\0', false],
  ['Team/app', false],
  ['a%2fb', false],
])('repository name %j: %s', (name, expected) => {
  expect(isRepositoryName(name)).toBe(expected)
})

test.each([
  ['latest', true],
  ['_1', true],
  ['1.4.2-rc.4', true],
  ['a'.repeat(128), true],
  ['a'.repeat(129), false],
  ['', false],
  ['.a', false],
  ['-a', false],
  ['a b', false],
  ['a+b', false],
  ['a\r\n', false],
])('tag %j: %s', (tag, expected) => {
  expect(isTag(tag)).toBe(expected)
})

test.each([
  ['dev', true],
  ['trusted-eu', true],
  ['a'.repeat(63), true],
  ['a'.repeat(64), false],
  ['', false],
  ['a/b', false],
  ['Dev', false],
  ['-dev', false],
  ['eu.dev', false], // these two would read as servers
  ['localhost', false],
])('feed name %j: %s', (name, expected) => {
  expect(isFeedName(name)).toBe(expected)
})

const hex = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

describe('digests', () => {
  test.each([
    [`sha256:${hex}`, 'sha256', hex],
    [`sha512:${hex}${hex}`, 'sha512', hex + hex],
  ])('%s', (text, algorithm, digits) => {
    expect(isDigest(text)).toBe(true)
    expect(parseDigest(text)).toEqual({ algorithm, hex: digits })
  })

  test.each([
    ['', 'DIGEST_INVALID'],
    ['sha256', 'DIGEST_INVALID'],
    ['sha256:', 'DIGEST_INVALID'],
    [hex, 'DIGEST_INVALID'],
    [`:${hex}`, 'DIGEST_INVALID'],
    [`sha256:${hex.toUpperCase()}`, 'DIGEST_INVALID'],
    [`sha256:${hex}0`, 'DIGEST_INVALID'],
    [`sha256:${hex.slice(1)}`, 'DIGEST_INVALID'],
    [`sha512:${hex}`, 'DIGEST_INVALID'],
    [`SHA256:${hex}`, 'DIGEST_INVALID'],
    [`sha256:${hex}\n`, 'DIGEST_INVALID'],
    [`sha256-${hex}`, 'DIGEST_INVALID'],
    [`md5:${hex}`, 'DIGEST_UNSUPPORTED'],
    [`sha256+b64:${hex}`, 'DIGEST_UNSUPPORTED'],
    [`md5:${'a'.repeat(600)}`, 'DIGEST_INVALID'],
  ])('%j: %s', (text, code) => {
    expect(isDigest(text)).toBe(false)
    expect(() => parseDigest(text)).toThrow(expect.objectContaining({ code }))
    expect(() => parseDigest(text)).toThrow(OciError)
  })
})

test('100 kB of near-names cost nothing: the length is looked at first', () => {
  const hostile = ['a', 'a-', '-', 'a__', 'a/', 'a.', '_', '\0'].map((unit) =>
    unit.repeat(100_000 / unit.length),
  )
  const start = performance.now()
  for (const text of hostile) {
    expect([isRepositoryName(text), isTag(text), isFeedName(text), isDigest(text)]).not.toContain(true)
    expect(() => parseDigest(`sha256:${text}`)).toThrow(OciError)
    expect(() => parseDigest(`${text}:a`)).toThrow(OciError)
  }
  expect(performance.now() - start).toBeLessThan(1000)
})
