import { assert, jsonValue, property, string } from 'fast-check'
import { expect, test } from 'vitest'
import { visible, visibleJson } from './visible.ts'

test.each([
  ['team/app:1.0', 'team/app:1.0'],
  ['a\r\nb\tc', 'a\\r\\nb\\tc'],
  ['\u001b[2J', '\\u001b[2J'],
  ['\u009b31m', '\\u009b31m'],
  ['\u202egpj.exe', '\\u202egpj.exe'],
  ['Zoë ✓ 日本', 'Zoë ✓ 日本'],
])('%j is shown as %j', (text, shown) => {
  expect(visible(text)).toBe(shown)
})

test('nothing that moves a cursor is left, whatever the text', () => {
  assert(
    property(string({ unit: 'binary' }), (text) => {
      expect(visible(text)).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u)
    }),
  )
})

test('JSON parses to the same value and is as harmless', () => {
  assert(
    property(jsonValue({ stringUnit: 'binary' }), (value) => {
      const text = visibleJson(value, 2)
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
      expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u)
    }),
  )
})
