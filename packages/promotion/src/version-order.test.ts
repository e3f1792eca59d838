import { assert, oneof, property, stringMatching } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareTags, inVersionOrder } from './version-order.ts'

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
})
