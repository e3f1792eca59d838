import { randomBytes } from 'node:crypto'
import { digestOf, OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST, parseManifest } from '@sluice/oci'
import { memoryStorage } from '@sluice/feed/storage'
import { parsePolicy } from '@sluice/promotion'
import { beforeEach, describe, expect, it } from 'vitest'
import { newId, openStore, type Store } from '../index.ts'
import { addLane, type House, openHouse, type Scene, setScene } from '../promotion/test-scene.ts'

let house: House
let store: Store
let scene: Scene
const storage = memoryStorage()
const worker = () => house.worker.collector.collect(storage)

beforeEach(async () => {
  house = await openHouse()
  store = await openStore({ url: house.apiUrl, secret: randomBytes(32) })
  scene = await setScene(house)
  return async () => {
    await store.close()
    await house.close()
  }
})

async function proxy(over: object = {}) {
  const feed = await store.feeds.create(scene.rita, {
    name: `hub-${randomBytes(4).toString('hex')}`,
    stage: 'hub',
    trusted: false,
    remote: { url: 'https://registry.example' },
    cache: { keepDays: 10 },
    ...over,
  })
  const address = { feed, repository: 'app' }
  const blob = async (mediaType: string, size = 40) => {
    const digest = digestOf(randomBytes(32))
    const storageKey = `blobs/aa/bb/${newId()}`
    await store.feedIndex.keepBlob(address, { digest, size, storageKey })
    return { mediaType, digest, size }
  }
  const put = async (body: object, mediaType: string, tag: string | null) => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...body }))
    const digest = digestOf(bytes)
    await store.feedIndex.keepManifest(address, { digest, manifest: parseManifest(bytes, mediaType), tag })
    return { digest, mediaType, size: bytes.length }
  }
  return {
    feed,
    address,
    blob,
    put,
    image: async (tag: string | null) =>
      put({ config: await blob(OCI_CONFIG), layers: [await blob(OCI_LAYER_GZIP)] }, OCI_MANIFEST, tag),
    kept: async () =>
      (
        await scene.sql<{ digest: string }>(
          `select m.digest from repository_manifest m join repository r on r.id = m.repository_id
           where r.feed_id = $1 order by 1`,
          [feed.id],
        )
      ).map(({ digest }) => digest),
    blobs: async () =>
      (
        await scene.sql<{ digest: string }>(
          `select b.digest from repository_blob b join repository r on r.id = b.repository_id where r.feed_id = $1`,
          [feed.id],
        )
      ).length,
  }
}

/** Everything was fetched, and was last used, so many days before. */
async function later(days: number): Promise<void> {
  const back = `- interval '${days} days'`
  for (const [table, columns] of [
    ['repository_manifest', ['pushed_at']],
    ['repository_blob', ['linked_at']],
    ['manifest_use', ['used_at']],
    ['tag', ['moved_at']],
    ['blob', ['stored_at']],
    ['manifest', ['stored_at']],
  ] as const) {
    const set = columns.map((column) => `${column} = ${column} ${back}`).join(', ')
    await scene.unguarded(table, `update ${table} set ${set}`, [])
  }
}

const sorted = (...all: { digest: string }[]) => all.map(({ digest }) => digest).sort()

describe('what a proxy feed keeps', () => {
  it('is what was pulled within its days, with its parts; the rest goes, tag, blobs and bytes', async () => {
    const hub = await proxy()
    const [used, unused, child] = [await hub.image('used'), await hub.image('unused'), await hub.image(null)]
    const index = await hub.put({ manifests: [child] }, OCI_INDEX, 'multi')
    await later(11)
    for (const { digest } of [used, index]) store.proxies.noteUse(hub.address, digest)
    await store.proxies.settle()
    expect(
      (
        await store.feeds.previewRetention(await store.feeds.get(hub.feed.name), {
          limit: 10,
          visibleFeedIds: null,
        })
      ).items,
    ).toEqual([{ repository: 'app', digest: unused.digest, tags: ['unused'] }])
    expect(await worker()).toMatchObject({ retired: 1, links: 2 })
    expect(await hub.kept()).toEqual(sorted(used, child, index))
    expect(await hub.blobs()).toBe(4)
    expect(await scene.entries(`feed:${hub.feed.id}`)).toContain('feed.retention-applied')
    await later(9)
    expect(await worker()).toMatchObject({ retired: 0 })
    await later(2)
    expect(await worker()).toMatchObject({ retired: 3 })
    expect([await hub.kept(), await hub.blobs()]).toEqual([[], 0])
  })

  it('is what is pending or promoted, whoever pulls it or not', async () => {
    const hub = await proxy()
    const [asked, promoted] = [await hub.image(null), await hub.image(null)]
    const policy = parsePolicy({ gates: {}, requestExpiresAfter: { hours: 8_000 } })
    const lane = `from-${hub.feed.name}`
    await addLane(house.api, lane, hub.feed.id, scene.trusted.id, scene.rita, policy)
    const request = async (digest: string, tag: string) =>
      (
        await store.requests.create(scene.rita, {
          lane,
          items: [{ image: `app@${digest}`, targetTags: [tag] }],
        })
      ).request
    await request(asked.digest, '1.0.0')
    const { id } = await request(promoted.digest, '2.0.0')
    const { promotion } = await store.requests.approve(scene.anna, id, { digest: promoted.digest })
    await scene.promote(promotion?.id ?? '')
    await later(40)
    expect(await worker()).toMatchObject({ retired: 0 })
    expect(await hub.kept()).toEqual(sorted(asked, promoted))
  })

  it('of a feed that was deleted goes too', async () => {
    const hub = await proxy()
    await hub.image('a')
    await store.feeds.remove(scene.rita, hub.feed.name)
    await later(11)
    expect(await worker()).toMatchObject({ retired: 1, links: 2 })
    expect([await hub.kept(), await hub.blobs()]).toEqual([[], 0])
  })

  it('is what was pulled within a day, from four fifths of its quota on', async () => {
    const hub = await proxy({ quota: { bytes: 1000 } })
    const [old, fresh] = [await hub.image('old'), await hub.image('fresh')]
    await later(2)
    store.proxies.noteUse(hub.address, fresh.digest)
    await store.proxies.settle()
    expect(await worker()).toMatchObject({ retired: 0 })
    await hub.blob(OCI_LAYER_GZIP, 700)
    expect(await worker()).toMatchObject({ retired: 1 })
    expect(await hub.kept()).toEqual(sorted(fresh))
    expect(old.digest).not.toBe(fresh.digest)
  })

  it('never exceeds its quota: what finds no room is not kept, and leaves no row', async () => {
    const hub = await proxy({ quota: { bytes: 100 } })
    await hub.blob(OCI_LAYER_GZIP, 60)
    const digest = digestOf(randomBytes(32))
    const storageKey = `blobs/aa/bb/${newId()}`
    expect(await store.feedIndex.keepBlob(hub.address, { digest, size: 60, storageKey })).toEqual({
      kept: null,
      superfluous: null,
    })
    expect(await store.feedIndex.findBlob(hub.address, digest)).toBeNull()
    expect(await scene.sql('select from blob where digest = $1', [digest])).toEqual([])
    expect((await store.feeds.get(hub.feed.name)).used).toBe(60)
  })

  it('is written down once for many pulls', async () => {
    const hub = await proxy()
    const { digest } = await hub.image('a')
    for (let i = 0; i < 1000; i++) store.proxies.noteUse(hub.address, digest)
    store.proxies.noteUse({ ...hub.address, repository: 'none' }, digest)
    await store.proxies.settle()
    expect(await scene.sql('select digest from manifest_use')).toEqual([{ digest }])
  })
})

it('how the upstream answers is told by the feed', async () => {
  const { feed } = await proxy()
  const state = async () => (await store.feeds.get(feed.name)).cache
  store.proxies.noteContact(feed, 'nothing accepts\u001b connections there')
  await expect.poll(state).toMatchObject({
    reachedAt: null,
    failingSince: expect.stringMatching(/^\d{4}-.*Z$/),
    failure: 'nothing accepts  connections there',
  })
  store.proxies.noteContact(feed, null)
  await expect.poll(state).toMatchObject({ reachedAt: expect.any(String), failingSince: null, failure: null })
})
