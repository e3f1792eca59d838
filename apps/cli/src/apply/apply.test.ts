import { expect, test } from 'vitest'
import { diff } from './diff.ts'
import { readDocument } from './document.ts'

test.each([
  [{ a: 1 }, { a: 1 }, []],
  [{ a: 1, b: 2 }, { b: 2, a: 1 }, []],
  [{ a: 1 }, { a: 2 }, ['- a: 1', '+ a: 2']],
  [{ a: { b: [1, 2] } }, { a: { b: [1] } }, ['- a.b[1]: 2']],
  [{}, { a: {}, b: [], c: null, d: undefined }, ['+ a: {}', '+ b: []', '+ c: null']],
])('%j → %j differ by %j', (before, after, lines) => {
  expect(diff(before, after)).toEqual(lines)
})

test('a document is read as written, without what it does not say', () => {
  const text =
    'feeds: [{name: staging, stage: staging}]\ngrants: {staging: [{principal: ada, verbs: [pull]}]}\n'
  expect(readDocument(text, 'f')).toEqual({
    feeds: [{ name: 'staging', stage: 'staging' }],
    grants: { staging: [{ principal: 'ada', verbs: ['pull'] }] },
  })
})

const laughs = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
  .split('')
  .map((name, at) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[at]}`).join()}]`)
  .join('\n')}`

test.each([
  ['nothing', '', 'object'],
  ['no YAML', 'feeds: [', 'line 1'],
  ['an unknown key', 'feed: []', 'feed'],
  ['an unknown field', 'feeds: [{name: a, stage: a, trust: true}]', 'feeds[0]'],
  ['a bad name', 'feeds: [{name: A, stage: a}]', 'feeds[0].name'],
  ['a bad verb', 'grants: {dev: [{principal: a, verbs: [own]}]}', 'grants.dev[0].verbs[0]'],
  ['a feed twice', 'feeds: [{name: a, stage: a}, {name: a, stage: b}]', '"a" is there twice'],
  ['a key twice', 'feeds: []\nfeeds: []', 'unique'],
  ['aliases that multiply', laughs, 'alias'],
  ['too much', 'x'.repeat(1_000_001), '1 MB'],
])('%s is refused, naming where', (_what, text, where) => {
  const details = expect.arrayContaining([expect.stringContaining(where)])
  expect(() => readDocument(text, 'f')).toThrow(expect.objectContaining({ code: 'usage', details }))
})
