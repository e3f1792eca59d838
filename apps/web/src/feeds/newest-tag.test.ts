import { expect, test } from 'vitest'
import { newestTag } from './newest-tag.ts'

const tag = (name: string, day = 1, virtual = false) => ({
  tag: name,
  virtual,
  pushedAt: `2026-01-0${day}T00:00:00Z`,
})

test.each([
  [
    'the highest release, whenever it was set',
    [tag('1.9.0', 5), tag('1.10.0', 1), tag('nightly', 9)],
    '1.10.0',
  ],
  ['no pre-release while there is a release', [tag('1.0.0'), tag('2.0.0-rc.1', 3)], '1.0.0'],
  ['without releases what was set last', [tag('a', 3), tag('b', 2)], 'a'],
  ['no virtual tag', [tag('1.0.0'), tag('latest', 1, true)], '1.0.0'],
  ['nothing', [], undefined],
])('%s', (_, tags, name) => {
  expect(newestTag(tags)?.tag).toBe(name)
})
