import { describe, expect, test } from 'vitest'
import { type AskedItem, PromotionError, resolveItems } from './index.ts'

const digest = `sha256:${'a'.repeat(64)}`
const feedNames = ['dev', 'old-dev']

function refusalOf(decide: () => unknown): PromotionError {
  try {
    decide()
  } catch (error) {
    if (error instanceof PromotionError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

test.each<[AskedItem, object]>([
  [
    { image: 'team/app:1.4.2' },
    {
      repository: 'team/app',
      tag: '1.4.2',
      digest: null,
      targetRepository: 'team/app',
      targetTags: ['1.4.2'],
    },
  ],
  [{ image: 'reg.example.com/dev/app:1' }, { repository: 'app', targetRepository: 'app', targetTags: ['1'] }],
  [{ image: 'localhost:8080/old-dev/app:1' }, { repository: 'app' }],
  [{ image: 'dev/x:1' }, { repository: 'dev/x' }],
  [
    { image: `app@${digest}`, targetTags: ['1', '2'] },
    { tag: null, digest, targetTags: ['1', '2'] },
  ],
  [{ image: `app:rc@${digest}` }, { tag: 'rc', digest, targetTags: ['rc'] }],
  [
    { image: 'app:3.4.1-rc.4', targetRepository: 'prod/app', targetTags: ['3.4.1'] },
    { targetRepository: 'prod/app', targetTags: ['3.4.1'] },
  ],
])('%j', (item, resolved) => {
  expect(resolveItems([item], feedNames)[0]).toMatchObject(resolved)
})

describe('refused, naming the field', () => {
  test.each<[string, AskedItem[], string[]]>([
    ['no items', [], ['items']],
    ['too many items', Array.from({ length: 101 }, () => ({ image: 'a:1' })), ['items']],
    ['no tag or digest', [{ image: 'app' }], ['items[0].image']],
    ['bad repository', [{ image: 'App:1' }], ['items[0].image']],
    ['a server without a feed', [{ image: 'reg.example.com/app:1' }], ['items[0].image']],
    [
      'another feed, and something else that is wrong',
      [{ image: 'reg.example.com/prod/app:1' }, { image: 'App:1' }],
      ['items[0].image', 'items[1].image'],
    ],
    ['by digest without tags', [{ image: `app@${digest}` }], ['items[0].targetTags']],
    ['no tags', [{ image: 'app:1', targetTags: [] }], ['items[0].targetTags']],
    ['bad tag', [{ image: 'app:1', targetTags: ['ok', '-no'] }], ['items[0].targetTags[1]']],
    [
      'a tag of the referrers schema',
      [{ image: 'app:1', targetTags: [`sha256-${'a'.repeat(64)}`] }],
      ['items[0].targetTags[0]'],
    ],
    ['the same, by default', [{ image: `app:sha256-${'a'.repeat(64)}.sig` }], ['items[0].targetTags[0]']],
    ['bad target repository', [{ image: 'app:1', targetRepository: 'a//b' }], ['items[0].targetRepository']],
    [
      'every issue of every item',
      [{ image: '' }, { image: 'a:1', targetTags: ['é'] }],
      ['items[0].image', 'items[1].targetTags[0]'],
    ],
    ['one target twice in an item', [{ image: 'a:1', targetTags: ['x', 'x'] }], ['items[0].targetTags']],
    [
      'one target in two items',
      [{ image: 'a:1' }, { image: 'b:1', targetRepository: 'a' }],
      ['items[1].targetTags'],
    ],
  ])('%s', (_, items, fields) => {
    const refusal = refusalOf(() => resolveItems(items, feedNames))
    expect(refusal.code).toBe('invalid')
    expect(refusal.issues.map(({ field }) => field)).toEqual(fields)
  })
})

test.each<[string, AskedItem[]]>([
  ['one', [{ image: 'reg.example.com/prod/app:1' }]],
  ['each of two', [{ image: 'localhost/prod/app:1' }, { image: `[::1]:8080/qa/app:2@${digest}` }]],
])('an image of a feed that the lane does not take from is a conflict with the lane: %s', (_, items) => {
  const refusal = refusalOf(() => resolveItems(items, feedNames))
  expect(refusal.code).toBe('lane_source')
  expect(refusal.issues).toHaveLength(items.length)
  expect(refusal.message).toMatch(/"dev" or "old-dev" is expected.*lanes lead forward/)
})
