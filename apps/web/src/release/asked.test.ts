import { expect, test } from 'vitest'
import { imageOf, itemsOf, MOST_IMAGES, readAsked, writeAsked } from './asked.ts'

test.each([
  ['nothing', [], []],
  ['an image', ['team/app:1.0.0'], [{ image: 'team/app:1.0.0', tags: '' }]],
  ['with its tags', ['team/app:1.0.0 stable  1.0'], [{ image: 'team/app:1.0.0', tags: 'stable 1.0' }]],
  ['nothing but spaces', [' ', ''], []],
  [
    'the same image twice',
    ['a:1 x', 'b:1', 'a:1 y'],
    [
      { image: 'a:1', tags: 'x' },
      { image: 'b:1', tags: '' },
    ],
  ],
])('%s', (_, texts, asked) => {
  expect(readAsked(texts)).toEqual(asked)
  expect(readAsked(writeAsked(asked))).toEqual(asked)
})

test('no more than one request may hold', () => {
  expect(readAsked(Array.from({ length: 150 }, (_, at) => `a:${at}`))).toHaveLength(MOST_IMAGES)
})

test('an image is named by tag or by digest, and its tags are sent where there are some', () => {
  expect(imageOf('team/app', '1.0.0')).toBe('team/app:1.0.0')
  expect(imageOf(' team/app', 'sha256:aa ')).toBe('team/app@sha256:aa')
  expect(itemsOf(readAsked(['a:1', 'b:1 x,y']))).toEqual([
    { image: 'a:1' },
    { image: 'b:1', targetTags: ['x', 'y'] },
  ])
})
