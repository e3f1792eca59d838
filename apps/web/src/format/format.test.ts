import { expect, test } from 'vitest'
import { shortDigest } from './digest.ts'
import { formatChange, formatSize } from './size.ts'
import { formatAge, formatDuration, formatUtc } from './time.ts'

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [9_949, '9.9 kB'],
  [9_960, '10 kB'],
  [999_499, '999 kB'],
  [999_600, '1.0 MB'],
  [184_000_000, '184 MB'],
  [1_500_000_000, '1.5 GB'],
  [-2_000, '−2.0 kB'],
])('%i bytes are %s', (bytes, text) => {
  expect(formatSize(bytes)).toBe(text)
})

test.each([
  [0, '±0 B'],
  [1_000_000, '+1.0 MB'],
  [-5, '−5 B'],
])('a change of %i is %s', (bytes, text) => {
  expect(formatChange(bytes)).toBe(text)
})

test.each([
  [-10, 'just now'],
  [-60, '1 minute ago'],
  [-7_200, '2 hours ago'],
  [-86_400, 'yesterday'],
  [3 * 86_400, 'in 3 days'],
  [-21 * 86_400, '3 weeks ago'],
  [-800 * 86_400, '2 years ago'],
])('%i seconds from now: %s', (seconds, text) => {
  const now = Date.parse('2026-03-01T12:00:00Z')
  expect(formatAge(new Date(now + seconds * 1000).toISOString(), now)).toBe(text)
})

test.each([
  [12.4, '12 ms'],
  [4_200, '4.2 s'],
  [59_900, '59 s'],
  [60_000, '1 min'],
  [185_000, '3 min 5 s'],
  [7_800_000, '2 h 10 min'],
  [273_600_000, '3 d 4 h'],
])('%d ms last %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text)
})

test('times in UTC, digests shortened', () => {
  expect(formatUtc('2026-03-01T13:00:05.123+01:00')).toBe('2026-03-01 12:00:05 UTC')
  expect(shortDigest(`sha256:${'ab'.repeat(32)}`)).toBe('sha256:abababababab')
})
