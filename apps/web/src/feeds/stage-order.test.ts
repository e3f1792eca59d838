import { expect, test } from 'vitest'
import { inOrder } from './stage-order.ts'

const feeds = (...names: string[]) => names.map((name) => ({ name }))
const lane = (from: string, to: string) => ({ from, to })

test.each([
  ['no lanes: by name', ['b', 'a'], [], ['a', 'b']],
  [
    'along the lanes',
    ['trusted', 'dev', 'qa'],
    [lane('dev', 'qa'), lane('qa', 'trusted')],
    ['dev', 'qa', 'trusted'],
  ],
  ['a lane from a feed that is not seen', ['b', 'a'], [lane('hidden', 'a')], ['a', 'b']],
  ['circles end', ['b', 'a'], [lane('a', 'b'), lane('b', 'a'), lane('a', 'a')], ['a', 'b']],
])('%s', (_, names, lanes, ordered) => {
  expect(inOrder(feeds(...names), lanes).map(({ name }) => name)).toEqual(ordered)
})
