import { expect, test } from 'vitest'
import { bytesOf, fullness, sizedOf } from './quota.ts'

test.each([
  [null, { amount: '', unit: 'GB' }],
  [50_000_000_000, { amount: '50', unit: 'GB' }],
  [1_500_000_000, { amount: '1500', unit: 'MB' }],
  [2_000_000_000_000, { amount: '2', unit: 'TB' }],
  [1_234_567, { amount: '1.234567', unit: 'MB' }],
] as const)('%s bytes as typed, and back', (bytes, sized) => {
  expect(sizedOf(bytes)).toEqual(sized)
  expect(bytesOf(sized)).toBe(bytes)
})

test.each(['0', '-1', 'much', '1e3', '0.0000001', '99999999999'])('%s TB is no quota', (amount) => {
  expect(bytesOf({ amount, unit: amount === '0.0000001' ? 'MB' : 'TB' })).toBeUndefined()
})

test.each([
  [79, 100, 'good'],
  [80, 100, 'wait'],
  [99, 100, 'wait'],
  [100, 100, 'bad'],
  [120, 100, 'bad'],
] as const)('%i of %i is %s', (used, limit, tone) => {
  expect(fullness(used, limit)).toBe(tone)
})
