import { expect, test } from 'vitest'
import { leadsBack } from './index.ts'

test.each([
  ['promote', false],
  ['break-glass', false],
  ['rollback', true],
  ['restore', true],
] as const)('%s leads back: %s', (kind, back) => {
  expect(leadsBack(kind)).toBe(back)
})
