import { expect, test } from 'vitest'
import { diffLines } from './line-diff.ts'

const SIGNS = { same: ' ', added: '+', removed: '-' } as const

test.each([
  ['', '', ''],
  ['a\n', '', '-a'],
  ['', 'a\nb', '+a +b'],
  ['a\nb\nc\n', 'a\nx\nc\n', ' a -b +x  c'],
  ['a\nb', 'b\na', '-a  b +a'],
  ['a\na', 'a', ' a -a'],
])('%j to %j', (before, after, diff) => {
  const found = diffLines(before, after)
  expect(found.map(({ change, text }) => `${SIGNS[change]}${text}`).join(' ')).toBe(diff)
  // Both texts are in it, whole.
  const side = (other: string) => found.filter(({ change }) => change !== other).map(({ text }) => text)
  expect(side('added').join('\n')).toBe(before.replace(/\n$/, ''))
  expect(side('removed').join('\n')).toBe(after.replace(/\n$/, ''))
})
