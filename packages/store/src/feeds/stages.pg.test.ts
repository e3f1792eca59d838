import { afterAll, beforeAll, expect, test } from 'vitest'
import { type House, openHouse, setScene } from '../promotion/test-scene.ts'

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

test('each repository stands in its feeds at its highest release, or at what was set last', async () => {
  const scene = await setScene(house)
  const { dev, trusted } = scene
  const first = await scene.push('team/app', ['1.9.0'])
  const second = await scene.push('team/app', ['1.10.0', '2.0.0-rc.1'])
  await scene.push('team/app', ['nightly'])
  const early = await scene.push('team/other', ['early'])
  const late = await scene.push('team/other', ['late'])
  const { promotionId } = await scene.approved('team/app:1.9.0')
  await scene.promote(promotionId)
  const both = { limit: 10, visibleFeedIds: [dev.id, trusted.id] }
  const shown = async (query: object = {}) => {
    const { items, next } = await house.api.feeds.stages({ ...both, ...query })
    const places = items.map(({ repository, places: held }) => [
      repository,
      Object.fromEntries(
        held.map(({ feed, newest }) => [
          feed === dev.name ? 'dev' : 'trusted',
          newest && [newest.tag, newest.digest],
        ]),
      ),
    ])
    return { places, next }
  }
  const app = ['team/app', { dev: ['1.10.0', second], trusted: ['1.9.0', first] }]
  const other = ['team/other', { dev: ['late', late] }]
  expect(await shown()).toEqual({ places: [app, other], next: null })
  expect(await shown({ limit: 1 })).toEqual({ places: [app], next: 'team/app' })
  expect(await shown({ limit: 1, after: 'team/app' })).toEqual({ places: [other], next: null })
  expect((await shown({ find: 'OTH' })).places).toEqual([other])
  expect((await shown({ find: '_' })).places).toEqual([])
  expect((await shown({ visibleFeedIds: [trusted.id] })).places).toEqual([
    ['team/app', { trusted: ['1.9.0', first] }],
  ])
  expect((await shown({ visibleFeedIds: [] })).places).toEqual([])
  // A tag that is gone stands nowhere; the image without a tag is there all the same.
  const where = { feed: dev, repository: 'team/other' }
  await house.api.feedIndex.deleteTag(where, 'late', scene.rita.principalId)
  expect((await shown({ find: 'other' })).places).toEqual([['team/other', { dev: ['early', early] }]])
  await house.api.feedIndex.deleteTag(where, 'early', scene.rita.principalId)
  expect((await shown({ find: 'other' })).places).toEqual([['team/other', { dev: null }]])
  await expect(house.api.feeds.stages({ ...both, after: ' ' })).rejects.toMatchObject({ code: 'invalid' })
})
