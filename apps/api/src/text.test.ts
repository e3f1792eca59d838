import { expect, test } from 'vitest'
import { unstorable } from './text.ts'

const cases: [string, unknown, string[]][] = [
  ['plain text', { reason: 'fine 💧', links: { a: 'b' }, n: 1, none: null }, []],
  ['a NUL', { reason: 'a\0b' }, ['reason']],
  ['half of a pair', { items: [{}, { image: 'x\ud800y' }] }, ['items[1].image']],
  ['a field name', { links: { 'a\0': 'b' } }, ['links.a\uFFFD']],
  ['the value itself', 'a\0', ['']],
]

test.each(cases)('%s', (_, json, fields) => {
  expect(unstorable(json).map(({ field }) => field)).toEqual(fields)
  for (const { rule } of unstorable(json)) expect(rule).toBe('text')
})

test('nesting costs no stack', () => {
  const deep: unknown = JSON.parse(`${'['.repeat(400_000)}"\\u0000"${']'.repeat(400_000)}`)
  expect(unstorable(deep)).toHaveLength(1)
})
