import { afterAll, beforeAll, expect, test } from 'vitest'
import { type House, openHouse, setScene } from './test-scene.ts'

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

test('lists: filters, pages, and only what the caller may see', async () => {
  const scene = await setScene(house)
  const digest = await scene.push('team/app', ['1.0.0', '1.0.1', '1.0.2'])
  const made = []
  for (const tag of ['1.0.0', '1.0.1', '1.0.2'])
    made.push((await scene.request(`team/app:${tag}`)).request.id)
  const newest = made.toReversed()
  const see = { limit: 10, visibleFeedIds: [scene.dev.id] }
  const ids = async (filter: object) =>
    (await house.api.requests.list({ ...see, ...filter })).items.map(({ id }) => id)
  expect(await ids({})).toEqual(newest)
  for (const filter of [
    { state: 'PENDING' },
    { lane: scene.lane },
    { repository: 'team/app' },
    { digest },
    { requester: scene.rita.name },
  ]) {
    expect(await ids(filter)).toEqual(newest)
  }
  for (const filter of [
    { state: 'APPROVED' },
    { promotion: 'QUEUED' },
    { lane: 'x' },
    { repository: 'app' },
    { digest: 'x' },
    { requester: 'x' },
    { requester: scene.anna.name },
    { visibleFeedIds: [] },
  ]) {
    expect(await ids(filter)).toEqual([])
  }
  const [approved = ''] = newest
  await house.api.requests.approve(scene.anna, approved, { digest })
  expect(await ids({ promotion: 'QUEUED' })).toEqual([approved])
  expect(await ids({ promotion: 'SUCCEEDED' })).toEqual([])
  const first = await house.api.requests.list({ ...see, limit: 2 })
  const second = await house.api.requests.list({ ...see, limit: 2, after: first.next ?? '' })
  expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(newest)
  expect(second.next).toBeNull()
  await expect(house.api.requests.list({ ...see, after: 'x' })).rejects.toMatchObject({
    code: 'invalid',
    field: 'after',
  })
})

test('finds requests by what people type: images, tags, digests, names', async () => {
  const scene = await setScene(house)
  const mark = `find-${scene.rita.name.slice(-6).replace(/[^a-z0-9]/g, '0')}`
  const one = await scene.push(`team/${mark}-api`, ['1.4.2'])
  await scene.push(`team/${mark}-web`, ['1.5.0'])
  const api = (await scene.request(`team/${mark}-api:1.4.2`)).request.id
  const web = (await scene.request(`team/${mark}-web:1.5.0`)).request.id
  const see = { limit: 10, visibleFeedIds: [scene.dev.id] }
  const ids = async (find: string) =>
    (await house.api.requests.list({ ...see, find })).items.map(({ id }) => id)
  for (const [find, ...wanted] of [
    [mark, web, api],
    [`TEAM/${mark}-API`, api],
    [`${mark}-api:`, api],
    [`${mark}:1.4`, api],
    [`${mark}-web:1.4`],
    ['1.5.0', web],
    ['1.', web, api],
    ['1.4.20'],
    [one, api],
    [one.slice(0, 15), api],
    [one.slice('sha256:'.length, 20), api],
    ['sha256:'.concat('0'.repeat(64))],
    [scene.rita.name.slice(1), web, api],
    [`user:${scene.rita.name}`, web, api],
    ['robot:nobody'],
    ['%'],
    ["'"],
    [':1.4', api],
    [':', web, api],
  ]) {
    expect([find, await ids(find ?? '')]).toEqual([find, wanted])
  }
  const none = { limit: 10, visibleFeedIds: [], find: mark }
  expect((await house.api.requests.list(none)).items).toEqual([])
})
