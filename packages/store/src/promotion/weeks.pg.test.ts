import { afterAll, beforeAll, expect, test } from 'vitest'
import { type House, openHouse, setScene } from './test-scene.ts'

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

const HOUR = 3_600_000

test('figures are of every row that is seen, in the week of the zone that was asked for', async () => {
  const scene = await setScene(house)
  const tags = ['1.0.0', '1.0.1', '1.0.2', '1.0.3']
  for (const tag of tags) await scene.push('app', [tag])
  const made: { id: string; promotionId: string }[] = []
  for (const tag of tags) made.push(await scene.approved(`app:${tag}`))
  // The Monday of this week, in a zone where it begins half a day before UTC's.
  const [row] = await scene.sql<{ at: Date }>(
    `select date_trunc('week', now() at time zone 'Pacific/Auckland') at time zone 'Pacific/Auckland' as at`,
  )
  const monday = row?.at.getTime() ?? 0
  const set = async (at: number, state: string, hours: number, position: number) => {
    const { id = '', promotionId = '' } = made[position] ?? {}
    const [asked, ended] = [new Date(at - hours * HOUR), new Date(at)]
    await scene.unguarded('promotion', 'update promotion set state = $2, finished_at = $3 where id = $1', [
      promotionId,
      state,
      ended,
    ])
    const decided = new Date(asked.getTime() + HOUR)
    await scene.unguarded('request', 'update request set created_at = $2, decided_at = $3 where id = $1', [
      id,
      asked,
      decided,
    ])
  }
  const minute = 60_000
  await set(monday - minute, 'SUCCEEDED', 2, 0)
  await set(monday - 20 * minute, 'SUCCEEDED', 6, 1)
  await set(monday - 30 * minute, 'FAILED', 50, 2)
  // Within this week, but not yet a week of UTC.
  await set(monday + minute, 'SUCCEEDED', 3, 3)
  const query = { zone: 'Pacific/Auckland', weeks: 3, visibleFeedIds: [scene.trusted.id] }
  const weeks = await house.api.promotions.weeks(query)
  expect(weeks).toHaveLength(3)
  expect(weeks.slice(1)).toEqual([
    { monday: expect.any(String), promoted: 2, failed: 1, lead: 4 * HOUR, wait: HOUR },
    { monday: expect.any(String), promoted: 1, failed: 0, lead: 3 * HOUR, wait: null },
  ])
  const [first, second, third] = weeks.map((week) => Date.parse(week.monday))
  expect([(second ?? 0) - (first ?? 0), (third ?? 0) - (second ?? 0)]).toEqual([168 * HOUR, 168 * HOUR])
  const inUtc = await house.api.promotions.weeks({ ...query, zone: 'UTC' })
  expect(inUtc.map(({ promoted, failed }) => promoted + failed)).toEqual(expect.arrayContaining([4]))

  const empty = { promoted: 0, failed: 0, lead: null, wait: null }
  for (const nothing of [{ visibleFeedIds: [] }, { feed: scene.dev.name }, { feed: 'nothing' }]) {
    expect((await house.api.promotions.weeks({ ...query, ...nothing })).at(-1)).toMatchObject(empty)
  }
  expect((await house.api.promotions.weeks({ ...query, feed: scene.trusted.name })).at(-1)).toMatchObject({
    promoted: 1,
  })
  await expect(house.api.promotions.weeks({ ...query, zone: 'Nowhere/City' })).rejects.toMatchObject({
    code: 'invalid',
    field: 'zone',
  })
})
