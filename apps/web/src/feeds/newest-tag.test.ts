import { expect, test } from 'vitest'
import { lastSet } from './newest-tag.ts'

const move = (tag: string, to: string | null, at: string) => ({ tag, to, at })

test.each([
  ['nothing was set', [], null],
  ['the newest', [move('b', 'sha256:b', '2'), move('a', 'sha256:a', '1')], ['b', 'sha256:b']],
  [
    'what was removed since is none',
    [move('b', null, '3'), move('b', 'sha256:b', '2'), move('a', 'sha256:a', '1')],
    ['a', 'sha256:a'],
  ],
  ['all were removed', [move('a', null, '2'), move('a', 'sha256:a', '1')], null],
  [
    'removed and set again',
    [move('a', 'sha256:b', '3'), move('a', null, '2'), move('a', 'sha256:a', '1')],
    ['a', 'sha256:b'],
  ],
])('%s', (_, moves, found) => {
  const last = lastSet(moves)
  expect(last === null ? null : [last.tag, last.digest]).toEqual(found)
})
