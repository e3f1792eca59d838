import { expect, it } from 'vitest'
import { namesEtag, parseRange } from './range.ts'

it.each([
  [undefined, null],
  ['', null],
  ['bytes=0-99', { start: 0, end: 99 }],
  ['bytes=500-1499', { start: 500, end: 999 }],
  ['bytes=500-', { start: 500, end: 999 }],
  ['bytes=-500', { start: 500, end: 999 }],
  ['bytes=-5000', { start: 0, end: 999 }],
  ['bytes=999-', { start: 999, end: 999 }],
  ['bytes=1000-', 'unsatisfiable'],
  ['bytes=5000-10000', 'unsatisfiable'],
  ['bytes=500-0', 'unsatisfiable'],
  ['bytes=-0', 'unsatisfiable'],
  ['bytes=-', null],
  ['bytes=a-b', null],
  ['bytes=0-1,5-6', null],
  ['items=0-1', null],
  [`bytes=${'9'.repeat(100_000)}-`, null],
] as const)('of 1000 bytes, %.40s is %j', (header, expected) => {
  expect(parseRange(header, 1000)).toEqual(expected)
})

it.each([['bytes=0-'], ['bytes=-5'], ['bytes=0-0']])('of an empty blob, %s cannot be satisfied', (header) => {
  expect(parseRange(header, 0)).toBe('unsatisfiable')
})

it.each([
  [undefined, false],
  ['*', true],
  ['"a"', true],
  ['W/"a"', true],
  ['"b", "a"', true],
  ['"b"', false],
  ['a', false],
])('If-None-Match %s names "a": %s', (header, expected) => {
  expect(namesEtag(header, '"a"')).toBe(expected)
})
