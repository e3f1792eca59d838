import type { Recall } from '@sluice/contract'
import { expect, test } from 'vitest'
import { feedsAfter, placeOf, standingIn } from './reach.ts'

const lane = (from: string, to: string) => ({ from, to })

test.each([
  ['none', [], 'trusted', []],
  ['the next', [lane('dev', 'trusted')], 'dev', ['trusted']],
  ['not those before', [lane('dev', 'trusted')], 'trusted', []],
  ['all further', [lane('b', 'c'), lane('a', 'b'), lane('a', 'd')], 'a', ['b', 'd', 'c']],
  ['itself never', [lane('a', 'b'), lane('b', 'a')], 'a', ['b']],
])('feeds after one: %s', (_, lanes, feed, after) => {
  expect(feedsAfter(lanes, feed)).toEqual(after)
})

const digest = (character: string) => `sha256:${character.repeat(64)}`
const recall = (id: string, lifted: Recall['lifted'], ...of: string[]): Recall => ({
  id,
  feed: 'trusted',
  digest: digest('a'),
  reason: 'bad',
  by: 'sam',
  at: '2026-11-25T10:00:00.000Z',
  lifted,
  places: of.map((one) => ({ feed: 'trusted', repository: 'app', digest: one, tags: [] })),
  running: [],
})

test('what a recall reaches is found by its place, and what was lifted is not', () => {
  const lifted = { at: '2026-11-25T11:00:00.000Z', request: 'r' }
  const standing = standingIn([
    recall('new', null, digest('a'), digest('b')),
    recall('old', null, digest('a')),
    recall('gone', lifted, digest('c')),
  ])
  expect(standing.get(placeOf('trusted', 'app', digest('a')))?.id).toBe('old')
  expect(standing.get(placeOf('trusted', 'app', digest('b')))?.id).toBe('new')
  expect(standing.has(placeOf('trusted', 'app', digest('c')))).toBe(false)
  expect(standing.has(placeOf('dev', 'app', digest('a')))).toBe(false)
})
