import { expect, test } from 'vitest'
import { time } from './grammar.ts'

test.each([
  ['2026-11-23T14:00:00Z', true],
  ['2026-11-23T14:00:00.123+05:30', true],
  ['0001-01-01T00:00:00Z', true],
  ['9999-12-31T23:59:59Z', true],
  ['0000-01-01T00:00:00Z', false],
  ['0001-01-01T00:00:00+01:00', false],
  ['9999-12-31T23:59:59-01:00', false],
  ['2026-11-23', false],
])('the time %s: %s', (value, good) => {
  expect(time.safeParse(value).success).toBe(good)
})
