import {
  assert,
  constantFrom,
  integer,
  oneof,
  option,
  property,
  stringMatching,
  uniqueArray,
} from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareTags, inVersionOrder, pageInVersionOrder } from './version-order.ts'

const ORDERED = [
  '0.9.9',
  '1',
  '1.2',
  '1.2.0-alpha',
  '1.2.0-alpha.1',
  '1.2.0-alpha.beta',
  '1.2.0-beta.2',
  '1.2.0-beta.11',
  '1.2.0-rc.1',
  '1.2.0',
  'v1.2.0',
  '1.2.1',
  '1.10.0',
  '2.0.0',
  '2024.01.05',
  '99999999999999999999999.0.0',
  '1.2.3.4',
  'build-9',
  'build-10',
  'build-10a',
  'latest',
  'v1.x',
]

describe('compareTags', () => {
  test('orders versions by precedence and all else naturally', () => {
    expect(ORDERED.toReversed().sort(compareTags)).toEqual(ORDERED)
    expect(inVersionOrder(ORDERED.toReversed())).toEqual(ORDERED)
  })

  test('each word of a pre-release by itself: numbers as numbers, before words, and fewer words first', () => {
    for (const inOrder of [
      [
        '1.0.0-1',
        '1.0.0-2',
        '1.0.0-10',
        '1.0.0-10a',
        '1.0.0-2a',
        '1.0.0-a',
        '1.0.0-a.1',
        '1.0.0-a.1.0',
        '1.0.0-a.a',
      ],
      ['1.0.0-1.1', '1.0.0-1.1.1', '1.0.0-1.2'],
      ['1.0.0-a', '1.0.0-a.b', '1.0.0-b'],
    ]) {
      expect(inOrder.toReversed().sort(compareTags)).toEqual(inOrder)
    }
  })

  test('what is no version: runs of digits by number, all else letter by letter, the shorter first', () => {
    const inOrder = ['a', 'a1', 'a1b', 'a01b', 'a1c', 'a2', 'a10', 'ab', 'b', 'x_9', 'x_10']
    const sorted = inOrder.toReversed().sort(compareTags)
    expect(sorted.indexOf('a2')).toBeLessThan(sorted.indexOf('a10'))
    expect(sorted.indexOf('x_9')).toBeLessThan(sorted.indexOf('x_10'))
    expect(sorted.indexOf('a')).toBe(0)
    expect(sorted.indexOf('a1')).toBeLessThan(sorted.indexOf('a1b'))
    expect(sorted.indexOf('a1c')).toBeLessThan(sorted.indexOf('a2'))
    expect(compareTags('1.00.0', '1.0.1')).toBeLessThan(0)
    expect(compareTags('1.100.0', '1.20.0')).toBeGreaterThan(0)
  })

  const tag = oneof(
    stringMatching(/^v?\d{1,3}(\.\d{1,3}){0,3}(-[a-z0-9.]{1,6})?$/),
    stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,12}$/),
  )

  test('is a total order', () => {
    assert(
      property(tag, tag, tag, (a, b, c) => {
        expect(Math.sign(compareTags(a, b))).toBe(-Math.sign(compareTags(b, a)) + 0)
        expect(compareTags(a, b) === 0).toBe(a === b)
        const inOrder = compareTags(a, b) <= 0 && compareTags(b, c) <= 0
        expect(!inOrder || compareTags(a, c) <= 0).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  test('a page is what stands next in the order of all, either way, whatever order they come in', () => {
    const tags = uniqueArray(tag, { maxLength: 60 })
    const order = constantFrom('asc' as const, 'desc' as const)
    assert(
      property(tags, option(tag), order, integer({ min: 1, max: 12 }), (all, after, way, most) => {
        const ordered = way === 'asc' ? inVersionOrder(all) : inVersionOrder(all).toReversed()
        const isAhead = (one: string) =>
          after === null || (way === 'asc' ? compareTags(one, after) > 0 : compareTags(one, after) < 0)
        expect(pageInVersionOrder(all, { after, order: way, most })).toEqual(
          ordered.filter(isAhead).slice(0, most),
        )
      }),
      { numRuns: 2_000 },
    )
  })
})
