import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { indexElsewhere, type House, openHouse, type Scene, setScene } from '../promotion/test-scene.ts'
import type { Reader, RunningFilter } from './index.ts'

let house: House
let scene: Scene
let site: string
let siteId: string

beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())
beforeEach(async () => {
  scene = await setScene(house)
  site = `prod-${randomBytes(4).toString('hex')}`
  siteId = (
    await house.api.sites.create(scene.rita, { name: site, reporters: [`robot:${scene.robot.name}`] })
  ).id
})

const refused = (code: string, field?: string) =>
  expect.objectContaining({ name: 'StoreError', code, ...(field !== undefined && { field }) })
const WHOLE: Reader = { whole: true, feedIds: [], siteIds: [] }
const nobody: Reader = { whole: false, feedIds: [], siteIds: [] }
const random = () => `sha256:${createHash('sha256').update(randomBytes(16)).digest('hex')}`

const report = (...digests: string[]) =>
  house.api.sites.report(
    scene.robot,
    siteId,
    digests.map((digest) => ({ digest, image: 'host/app:1' })),
  )
const running = async (filter: Partial<RunningFilter> = {}, reader = WHOLE) =>
  (await house.api.sites.running(reader, { site, limit: 200, ...filter })).items
const standings = async (reader = WHOLE) =>
  Object.fromEntries((await running({}, reader)).map(({ digest, standing }) => [digest, standing]))

/** `app:1.0.0` in trusted, and what it is made of. */
async function released(options: { index?: boolean } = {}) {
  const digest = await scene.push('app', ['1.0.0'], options)
  await scene.promote((await scene.approved()).promotionId)
  const parts = await scene.sql<{ digest: string; kind: string }>(
    `with recursive part (digest, kind) as (
       select $1::text, 'manifest' union
       select e.child_digest, e.kind from part join manifest_edge e on e.parent_digest = part.digest)
     select digest, kind from part where digest <> $1`,
    [digest],
  )
  const of = (kind: string) => parts.filter((part) => part.kind === kind).map((part) => part.digest)
  return { digest, images: of('manifest'), configs: of('config'), layers: of('layer') }
}

async function recall(digest: string) {
  await scene.sql(
    `insert into access_grant values ($1, $2, '{pull,approve,recall}')
     on conflict (feed_id, principal_id) do update set verbs = '{pull,approve,recall}'`,
    [scene.trusted.id, scene.otto.principalId],
  )
  return house.api.recalls.create(scene.otto, { digest, feedId: scene.trusted.id, reason: 'CVE-1' })
}

describe('a report', () => {
  test('replaces the one before: what is new began, what is missing ended, what stays keeps its beginning', async () => {
    const [a, b, c] = [random(), random(), random()]
    expect(await report(a, b)).toMatchObject({ site, digests: 2, began: 2, ended: 0 })
    const first = await running({ digest: b })
    expect(await report(b, c)).toMatchObject({ digests: 2, began: 1, ended: 1 })
    expect(await report(b, c)).toMatchObject({ digests: 2, began: 0, ended: 0 })
    expect((await running()).map(({ digest }) => digest).sort()).toEqual([b, c].sort())
    expect(await running({ digest: b })).toEqual(first)
    const past = await running({ past: true })
    expect(past).toHaveLength(3)
    expect(past.find(({ digest }) => digest === a)).toMatchObject({ until: expect.any(String) })
    expect(await report(a)).toMatchObject({ began: 1, ended: 2 })
    expect(await running({ past: true })).toHaveLength(4)
    expect(await report()).toMatchObject({ digests: 0, ended: 1 })
    expect(await running()).toEqual([])
  })

  test('names a digest as often as it likes, and keeps its references', async () => {
    const digest = random()
    const images = Array.from({ length: 12 }, (_, at) => ({ digest, image: `host/app:${at}` }))
    expect(await house.api.sites.report(scene.robot, siteId, [{ digest }, ...images])).toMatchObject({
      digests: 1,
    })
    expect((await running())[0]?.images).toHaveLength(10)
    await house.api.sites.report(scene.robot, siteId, [{ digest, image: 'host/app:new' }])
    expect(await running()).toMatchObject([{ digest, images: ['host/app:new'] }])
  })

  test('made at the same moment as another: one stands, whole', async () => {
    const lists = Array.from({ length: 6 }, () => [random(), random()])
    await Promise.all(lists.map((digests) => report(...digests)))
    const now = (await running()).map(({ digest }) => digest).sort()
    expect(lists.map((digests) => digests.sort())).toContainEqual(now)
  })

  test('comes from who reports for the site, as far as the token goes', async () => {
    const { sites } = house.api
    const of = async (actor = scene.robot) => (await sites.reporting(actor)).map(({ name }) => name)
    expect(await of()).toEqual([site])
    expect(await of(scene.anna)).toEqual([])
    expect(await of({ ...scene.robot, scopes: [`report:${siteId}`] })).toEqual([site])
    expect(await of({ ...scene.robot, scopes: [`pull:${scene.dev.id}`] })).toEqual([])
    expect(await of({ ...scene.robot, mustChangePassword: true })).toEqual([])
    await sites.patch(scene.rita, site, { reporters: [scene.anna.name] })
    expect([await of(), await of(scene.anna)]).toEqual([[], [site]])
  })
})

describe('what runs stands', () => {
  test('as admitted, not admitted, or unknown here; by its digest, its index, its config', async () => {
    const { digest, images, configs, layers } = await released({ index: true })
    const held = await scene.push('held', ['1'])
    const strange = random()
    await report(digest, images[0]!, configs[0]!, held, strange, layers[0]!)
    expect(await standings()).toEqual({
      [digest]: 'admitted',
      [images[0]!]: 'admitted',
      [configs[0]!]: 'admitted',
      [held]: 'not-admitted',
      [strange]: 'unknown',
      // Nothing runs by a layer.
      [layers[0]!]: 'unknown',
    })
    expect((await running({ digest: held }))[0]?.repositories).toEqual([`${scene.dev.name}/held`])
    expect((await running({ standing: 'unknown' })).map((one) => one.digest).sort()).toEqual(
      [strange, layers[0]!].sort(),
    )
    expect((await house.api.sites.get(WHOLE, site)).running).toEqual({
      recalled: 0,
      admitted: 3,
      'not-admitted': 1,
      unknown: 2,
    })
  })

  test.each([
    ['the index', ({ digest }: Released) => digest],
    ['an image of it', ({ images }: Released) => images[0]!],
  ])('as recalled once %s is: index, image and config alike, and the recall says where', async (_, of) => {
    const all = await released({ index: true })
    const what = of(all)
    const [config] = await scene.sql<{ digest: string }>(
      `select child_digest as digest from manifest_edge where kind = 'config' and parent_digest = $1`,
      [all.images[0]],
    )
    await report(all.digest, all.images[0]!, config!.digest)
    const { recall: made } = await recall(what)
    expect(Object.values(await standings())).toEqual(['recalled', 'recalled', 'recalled'])
    expect(await running({ standing: 'recalled' })).toMatchObject([
      { recall: { id: made.id, reason: 'CVE-1' } },
      { recall: { id: made.id } },
      { recall: { id: made.id } },
    ])
    const filter = { limit: 9, digest: what, visibleFeedIds: [scene.trusted.id] }
    const [listed] = (await house.api.recalls.list(filter)).items
    expect(listed?.running.map((one) => `${one.site} ${one.digest}`).sort()).toEqual(
      [all.digest, all.images[0]!, config!.digest].map((digest) => `${site} ${digest}`).sort(),
    )
    await report()
    expect((await house.api.recalls.list(filter)).items[0]?.running).toEqual([])
  })

  test('where a digest runs is found by what was reported of it', async () => {
    const { digest, images, configs } = await released({ index: true })
    await report(images[0]!)
    for (const asked of [digest, images[0]!]) {
      expect((await running({ digest: asked })).map((one) => one.digest)).toEqual([images[0]])
    }
    expect(await running({ digest: images[1]! })).toEqual([])
    await report(digest)
    expect((await running({ digest: images[1]! })).map((one) => one.digest)).toEqual([digest])
    await report(configs[0]!)
    expect((await running({ digest })).map((one) => one.digest)).toEqual([configs[0]])
  })
})

type Released = Awaited<ReturnType<typeof released>>

describe('who reads', () => {
  test('invariant 11: a reader sees what it may pull, its own sites whole, and no others', async () => {
    const { digest } = await released()
    const held = await scene.push('held', ['1'])
    const strange = random()
    await report(digest, held, strange)
    const ofTrusted: Reader = { ...nobody, feedIds: [scene.trusted.id] }
    const ofDev: Reader = { ...nobody, feedIds: [scene.dev.id] }
    const reporter: Reader = { ...nobody, siteIds: [siteId] }
    expect(await standings(nobody)).toEqual({})
    expect(await standings(ofTrusted)).toEqual({ [digest]: 'admitted' })
    expect(await standings(ofDev)).toEqual({ [digest]: 'not-admitted', [held]: 'not-admitted' })
    // What it may not pull and what is nowhere look alike.
    expect(await standings(reporter)).toEqual({
      [digest]: 'unknown',
      [held]: 'unknown',
      [strange]: 'unknown',
    })
    await expect(house.api.sites.get(nobody, site)).rejects.toThrow(refused('not_found'))
    expect((await house.api.sites.get(ofTrusted, site)).running).toMatchObject({ admitted: 1, unknown: 0 })
    const names = async (reader: Reader) =>
      (await house.api.sites.list(reader, { limit: 200 })).items.map(({ name }) => name)
    expect(await names(nobody)).toEqual([])
    expect(await names(reporter)).toEqual([site])
    expect(await names(WHOLE)).toContain(site)
  })

  test('invariant 11: a recall shows no index of a feed that the reader may not see', async () => {
    const { digest } = await released()
    const other = await house.api.feeds.create(scene.rita, {
      name: `other-${site}`,
      stage: 'other',
      trusted: false,
    })
    const index = await indexElsewhere(scene, other.id, digest)
    await report(index)
    await recall(digest)
    const ofTrusted: Reader = { ...nobody, feedIds: [scene.trusted.id] }
    expect(await standings(ofTrusted)).toEqual({})
    await expect(house.api.sites.get(ofTrusted, site)).rejects.toThrow(refused('not_found'))
    const ofBoth: Reader = { ...nobody, feedIds: [scene.trusted.id, other.id] }
    expect(await standings(ofBoth)).toEqual({ [index]: 'recalled' })
    expect(await standings()).toEqual({ [index]: 'recalled' })
    await report(digest)
    expect(await standings(ofTrusted)).toEqual({ [digest]: 'recalled' })
  })

  test('pages, and refuses a cursor that is none', async () => {
    const digests = Array.from({ length: 7 }, random)
    await report(...digests)
    for (const reader of [WHOLE, { ...nobody, siteIds: [siteId] }]) {
      const seen: string[] = []
      let after: string | null = null
      do {
        const page = await house.api.sites.running(reader, { site, limit: 3, after })
        seen.push(...page.items.map(({ digest }) => digest))
        after = page.next
      } while (after !== null)
      expect(seen.sort()).toEqual(digests.sort())
    }
    await expect(running({ after: 'x' })).rejects.toThrow(refused('invalid', 'after'))
  })
})

describe('a site', () => {
  test('is stale without a report for its time, and then still counts', async () => {
    const state = async () => (await house.api.sites.get(WHOLE, site)).state
    expect(await state()).toBe('unreported')
    await report(random())
    expect(await state()).toBe('current')
    await scene.sql(`update site set reported_at = now() - interval '25 hours' where id = $1`, [siteId])
    expect(await state()).toBe('stale')
    expect(await running()).toMatchObject([{ stale: true, until: null }])
    await house.api.sites.patch(scene.rita, site, { staleAfterHours: 26 })
    expect(await state()).toBe('current')
  })

  test('deleted, it ends all that ran there; its name is free, its history stays', async () => {
    const digest = random()
    await report(digest)
    await house.api.sites.remove(scene.rita, site)
    expect(await running({ past: true })).toMatchObject([{ digest, until: expect.any(String) }])
    await expect(house.api.sites.get(WHOLE, site)).rejects.toThrow(refused('not_found'))
    await expect(report(digest)).rejects.toThrow(refused('not_found'))
    await house.api.sites.create(scene.rita, { name: site })
    expect(await running()).toEqual([])
    expect(await scene.entries(`site:${siteId}`)).toEqual(['site.created', 'site.removed'])
  })

  test.each([
    ['a bad name', () => ({ name: 'Prod EU' }), 'invalid', 'name'],
    ['a taken name', () => ({ name: site }), 'name_taken', 'name'],
    ['everybody as reporter', () => ({ name: 'x', reporters: ['*'] }), 'invalid', 'reporters[0]'],
    [
      'an unknown reporter',
      () => ({ name: 'x', reporters: [scene.rita.name, 'robot:nobody'] }),
      'invalid',
      'reporters[1]',
    ],
  ])('is refused with %s', async (_, made, code, field) => {
    await expect(house.api.sites.create(scene.rita, made())).rejects.toThrow(refused(code, field))
  })

  test.each([
    ['a row is deleted', 'delete from running_image', 'append_only'],
    ['its digest is changed', `update running_image set digest = 'sha256:0'`, 'running_fixed'],
    ['the table is emptied', 'truncate running_image', 'append_only'],
    ['a site is deleted', 'delete from site', 'site_fixed'],
    ['a site is renamed', `update site set name = 'x' || name`, 'site_fixed'],
  ])('its history is kept by Postgres: not %s', async (_, sql, code) => {
    await report(random())
    await expect(scene.sql(sql)).rejects.toMatchObject({ message: code })
  })

  test('what ended is not begun again, and nobody writes when something began', async () => {
    const digest = random()
    await report(digest)
    await report()
    await expect(
      scene.sql('update running_image set ended_at = null where site_id = $1', [siteId]),
    ).rejects.toMatchObject({ message: 'running_fixed' })
    const rows = await scene.sql(
      `insert into running_image (site_id, digest, began_at) values ($1, $2, '2001-01-01') returning began_at > '2020-01-01' as now`,
      [siteId, digest],
    )
    expect(rows).toEqual([{ now: true }])
    await expect(house.worker.pool.query('update site set reported_at = now()')).rejects.toMatchObject({
      code: '42501',
    })
  })
})
