import { expect, test } from 'vitest'
import { parseDuration } from './duration.ts'

test.each([
  ['90s', 90_000],
  ['30m', 1_800_000],
  ['2h', 7_200_000],
  ['7d', 604_800_000],
])('%s is %i ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

test.each(['', '0s', '5', 's', '-1s', '1.5h', '1w', '1234567s', '1m30s'])('"%s" is refused', (text) => {
  expect(() => parseDuration(text)).toThrow(expect.objectContaining({ name: 'CliError', code: 'usage' }))
})
