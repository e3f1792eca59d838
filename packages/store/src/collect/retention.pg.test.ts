import { digestOf } from '@sluice/oci'
import { beforeEach, describe, expect, it } from 'vitest'
import { newId } from '../index.ts'
import { indexElsewhere } from '../promotion/test-scene.ts'
import { type Collection, openCollection } from './test-collection.ts'
import { imageOf, letADayPass, someBytes } from './test-registry.ts'

let house: Collection['house']
let scene: Collection['scene']
let registry: Collection['registry']
let collect: Collection['collect']

beforeEach(async () => {
  const opened = await openCollection()
  ;({ house, scene, registry, collect } = opened)
  return opened.close
})

const layer = someBytes()

async function push(tag: string): Promise<string> {
  const config = someBytes()
  for (const bytes of [config, layer]) await registry.pushBlob(scene.dev, 'app', bytes)
  const manifest = imageOf(config, [layer])
  expect(await registry.pushManifest(scene.dev, 'app', manifest, tag)).toBe(201)
  return digestOf(manifest)
}

const keep = (rule: object) =>
  house.api.feeds.patch(scene.rita, scene.dev.name, {
    retention: { rules: [{ repositories: ['app'], ...rule }] },
  })

async function aDayLater(): Promise<void> {
  await letADayPass(house)
  await scene.sql(
    `update repository_manifest set pushed_at = pushed_at - interval '25 hours' where admission_id is null`,
  )
}

async function runs(digest: string): Promise<void> {
  const { id } = await house.api.sites.create(scene.rita, { name: 'prod', reporters: [scene.rita.name] })
  await house.api.sites.report(scene.rita, id, [{ digest }])
}

const preview = async (options = {}) =>
  (
    await house.api.feeds.previewRetention(await house.api.feeds.get(scene.dev.name), {
      limit: 100,
      visibleFeedIds: null,
      ...options,
    })
  ).items
const tags = async () =>
  (
    await scene.sql<{ name: string }>(
      'select t.name from tag t join repository r on r.id = t.repository_id where r.feed_id = $1 order by 1',
      [scene.dev.id],
    )
  ).map(({ name }) => name)

describe('retention', () => {
  it('shows first what goes, then lets go of exactly that, bytes included, with its entry', async () => {
    const [one, two] = [await push('one'), await push('two')]
    await aDayLater()
    const rule = { repositories: ['app'], keepLast: 1 }
    expect(await preview()).toEqual([])
    expect(await preview({ rules: [rule] })).toEqual([{ repository: 'app', digest: one, tags: ['one'] }])
    expect(await collect()).toMatchObject({ retired: 0, blobs: 0 })
    await keep({ keepLast: 1 })
    expect(await collect()).toMatchObject({ retired: 1, manifests: 1, blobs: 1 })
    expect(await tags()).toEqual(['two'])
    expect(
      (await house.api.feedIndex.findManifest({ feed: scene.dev, repository: 'app' }, 'two'))?.digest,
    ).toBe(two)
    expect(await registry.pull(scene.dev, 'app', digestOf(layer))).toEqual(layer)
    expect(await scene.entries(`feed:${scene.dev.id}`)).toEqual(['feed.changed', 'feed.retention-applied'])
    expect(await collect()).toMatchObject({ retired: 0 })
    const { items } = await house.api.feeds.tagHistory(scene.dev.id, 'app', 'one', { limit: 9, after: null })
    expect(items.find(({ to }) => to === null)).toMatchObject({ from: one, by: null, promotionId: null })
  })

  it('never touches what is promoted or asked for', async () => {
    const promoted = await push('1.0.0')
    const { promotionId } = await scene.approved('app:1.0.0')
    await scene.promote(promotionId)
    const pending = await push('1.1.0')
    await scene.request('app:1.1.0')
    const free = await push('1.2.0')
    await push('last')
    await keep({ keepLast: 1 })
    await aDayLater()
    expect((await preview()).map(({ digest }) => digest)).toEqual([free])
    expect(await collect()).toMatchObject({ retired: 1 })
    expect(await tags()).toEqual(['1.0.0', '1.1.0', 'last'])
    expect(await scene.landed('app', '1.0.0')).toBe(promoted)
    expect(
      (await house.api.feedIndex.findManifest({ feed: scene.dev, repository: 'app' }, pending))?.digest,
    ).toBe(pending)
  })

  it('never touches what runs, with all that belongs to it, and says where; until it ends or its site is deleted', async () => {
    const index = await scene.push('app', ['old'], { index: true })
    const [child] = await scene.sql<{ digest: string }>(
      `select child_digest as digest from manifest_edge where parent_digest = $1 and kind = 'manifest' limit 1`,
      [index],
    )
    const free = await push('free')
    await push('last')
    await keep({ keepLast: 1 })
    await aDayLater()
    await runs(child!.digest)
    const { items, kept } = await house.api.feeds.previewRetention(
      await house.api.feeds.get(scene.dev.name),
      { limit: 100, visibleFeedIds: null },
    )
    expect(items.map(({ digest }) => digest)).toEqual([free])
    const where = [{ site: 'prod', digest: child!.digest, since: expect.any(String) }]
    // The other image of the index belongs to it.
    expect(kept).toHaveLength(3)
    expect(kept.find(({ digest }) => digest === index)).toMatchObject({ tags: ['old'], running: where })
    expect(kept.find(({ digest }) => digest === child!.digest)).toMatchObject({ running: where })
    const seen = await house.api.feeds.previewRetention(await house.api.feeds.get(scene.dev.name), {
      limit: 100,
      visibleFeedIds: [scene.dev.id],
    })
    expect(seen.kept).toEqual(kept)
    expect(await collect()).toMatchObject({ retired: 1 })
    expect(await tags()).toEqual(['last', 'old'])
    await scene.sql(`update site set reported_at = now() - interval '1 year'`)
    expect(await collect()).toMatchObject({ retired: 0 })
    await house.api.sites.remove(scene.rita, 'prod')
    expect(await collect()).toMatchObject({ retired: 3 })
    expect(await tags()).toEqual(['last'])
  })

  it('tells nobody of an index that runs in a feed they may not see, and keeps what it is made of', async () => {
    const child = await push('child')
    await push('last')
    const elsewhere = await house.api.feeds.create(scene.rita, {
      name: `other-${scene.dev.name}`,
      stage: 'other',
      trusted: false,
    })
    const index = await indexElsewhere(scene, elsewhere.id, child)
    await keep({ keepLast: 1 })
    await aDayLater()
    await runs(index)
    const shownTo = async (visibleFeedIds: string[] | null) =>
      (
        await house.api.feeds.previewRetention(await house.api.feeds.get(scene.dev.name), {
          limit: 100,
          visibleFeedIds,
        })
      ).kept
    const image = { repository: 'app', digest: child, tags: ['child'] }
    const where = [{ site: 'prod', digest: index, since: expect.any(String) }]
    expect(await shownTo(null)).toEqual([{ ...image, running: where }])
    expect(await shownTo([scene.dev.id, elsewhere.id])).toEqual([{ ...image, running: where }])
    expect(await shownTo([scene.dev.id])).toEqual([{ ...image, running: [] }])
    expect(await collect()).toMatchObject({ retired: 0 })
  })

  it('lets go of an index with its children, and of nothing that another index needs', async () => {
    await scene.push('app', ['old'], { index: true })
    await scene.push('app', ['new'], { index: true })
    await keep({ keepLast: 1 })
    await aDayLater()
    expect(await preview()).toHaveLength(3)
    expect(await collect()).toMatchObject({ retired: 3, manifests: 3 })
    expect(await tags()).toEqual(['new'])
  })

  it.each([
    ['it was pushed within a day', async () => {}],
    [
      'it got another tag',
      async () => (
        await aDayLater(),
        scene.sql(
          `insert into tag (repository_id, name, digest) select repository_id, 'other', digest from repository_manifest`,
        )
      ),
    ],
    [
      'its tag became immutable',
      async () => (
        await aDayLater(),
        house.api.feeds.patch(scene.rita, scene.dev.name, { tagRules: { immutable: ['one'] } })
      ),
    ],
    [
      'the rules were taken away',
      async () => (
        await aDayLater(), house.api.feeds.patch(scene.rita, scene.dev.name, { retention: { rules: [] } })
      ),
    ],
    [
      'it runs somewhere',
      async () => {
        await aDayLater()
        const [held] = await scene.sql<{ digest: string }>('select digest from repository_manifest')
        await runs(held!.digest)
      },
    ],
    [
      'it was asked for',
      async () => (await aDayLater(), scene.request('app:one', { targetTags: ['1.0.0'] })),
    ],
  ])('Postgres itself keeps a manifest when %s', async (_, change) => {
    const digest = await push('one')
    await keep({ keepTags: ['none'] })
    await change()
    const entry = await addEntry(`feed:${scene.dev.id}`)
    const retire = () =>
      house.worker.pool.query(
        `select retire_manifest(repository_id, digest, '{one}', $1) as gone from repository_manifest where digest = $2`,
        [entry, digest],
      )
    expect((await retire()).rows).toEqual([{ gone: false }])
    expect(await tags()).toContain('one')
  })

  it('Postgres asks for the entry, and gives the right to the worker alone', async () => {
    const digest = await push('one')
    await keep({ keepTags: ['none'] })
    await aDayLater()
    const sql = `select retire_manifest(repository_id, digest, '{one}', $1) as gone from repository_manifest where digest = $2`
    const other = await addEntry('feed:another')
    await expect(house.worker.pool.query(sql, [other, digest])).rejects.toMatchObject({
      message: 'entry_missing',
    })
    await expect(house.api.pool.query(sql, [other, digest])).rejects.toMatchObject({ code: '42501' })
    const entry = await addEntry(`feed:${scene.dev.id}`)
    expect((await house.worker.pool.query(sql, [entry, digest])).rows).toEqual([{ gone: true }])
  })
})

async function addEntry(subject: string): Promise<string> {
  const id = newId()
  const entry = {
    v: 1,
    type: 'feed.retention-applied',
    at: new Date().toISOString(),
    actor: 'system',
    subjects: [subject],
    payload: '',
  }
  await house.worker.pool.query(
    `insert into audit_entry (id, bytes, leaf, type, at, actor, subjects) values ($1, $2, '', '', now(), '', '{}')`,
    [id, Buffer.from(JSON.stringify(entry))],
  )
  return id
}
