import { digestOf } from '@sluice/oci'
import { beforeEach, describe, expect, it } from 'vitest'
import { openLeak, type Leak } from './test-leak.ts'

let house: Leak['house']
let scene: Leak['scene']
let registry: Leak['registry']
let anna: Leak['anna']
let otto: Leak['otto']
let keyOf: Leak['keyOf']
let onDisk: Leak['onDisk']
let promote: Leak['promote']
let leaked: Leak['leaked']
let recall: Leak['recall']
let open: Leak['open']
let purged: Leak['purged']
let manifestOf: Leak['manifestOf']

beforeEach(async () => {
  const leak = await openLeak()
  ;({ house, scene, registry, anna, otto, keyOf, onDisk, promote, leaked, recall, open, purged, manifestOf } =
    leak)
  return leak.close
})

describe('what is purged', () => {
  it('is gone from every feed and, after the sweep, from the folder; what others need stays', async () => {
    const { digest, config, base, secret } = await leaked()
    const keys = [(await keyOf(digestOf(secret)))!, (await keyOf(digestOf(config)))!]
    const baseKey = (await keyOf(digestOf(base)))!
    const view = await purged(digest)
    expect(view).toMatchObject({
      digest,
      feed: scene.trusted.name,
      reason: 'leaked key',
      openedBy: anna.name,
      confirmed: { by: otto.name, digests: [digest] },
    })
    for (const feed of [scene.dev, scene.trusted]) {
      expect((await manifestOf(feed, 'app', '1.0.0')).status).toBe(404)
      const gone = await manifestOf(feed, 'app', digest)
      expect([gone.status, await gone.json()]).toEqual([
        404,
        {
          errors: [
            expect.objectContaining({
              code: 'MANIFEST_UNKNOWN',
              detail: { digest, purge: view.id, reason: 'leaked key', at: view.confirmed?.at },
            }),
          ],
        },
      ])
      expect(await registry.pull(feed, 'app', digestOf(secret))).toBeNull()
      // What nothing of this repository refers to is not read through it either.
      expect(await registry.pull(feed, 'app', digestOf(base))).toBeNull()
      expect(await registry.pull(feed, 'other', digestOf(base))).toEqual(base)
    }
    expect(await registry.pull(scene.dev, 'twin', digestOf(secret))).toBeNull()
    await house.worker.collector.collect(registry.storage)
    expect(await Promise.all([...keys, baseKey].map(onDisk))).toEqual([false, false, true])
    expect(await scene.sql('select from storage_removal')).toEqual([])
    expect(await scene.sql('select from manifest where digest = $1', [digest])).toEqual([])
    expect(registry.failures).toEqual([])
  })

  it('leaves its record: admission, moves with who and why, entries, tombstone', async () => {
    const { digest } = await leaked()
    const { id } = await purged(digest)
    expect(await scene.sql('select from admission where digest = $1', [digest])).toHaveLength(1)
    const moves = await scene.sql(
      `select m.actor_id as by, e.type from tag_move m join audit_entry e on e.id = m.entry_id
       where m.from_digest = $1 and m.to_digest is null`,
      [digest],
    )
    const move = { by: otto.principalId, type: 'digest.purged' }
    expect(moves).toEqual([move, move])
    expect(await scene.entries(`purge:${id}`)).toEqual(['purge.opened', 'digest.purged'])
    const { items } = await house.api.purges.list({ limit: 10, visibleFeedIds: [scene.trusted.id] })
    expect(items.map((item) => item.id)).toEqual([id])
    expect((await house.api.purges.list({ limit: 10, visibleFeedIds: [scene.dev.id] })).items).toEqual([])
    expect((await house.api.purges.list({ limit: 10, visibleFeedIds: null, digest })).items).toHaveLength(1)
  })

  it('is not told of where it never was', async () => {
    const { digest } = await leaked()
    await purged(digest)
    const elsewhere = await manifestOf(scene.dev, 'other', digest)
    expect(JSON.stringify(await elsewhere.json())).not.toContain('leaked key')
  })

  it('is not taken again, whatever is pushed first', async () => {
    const { digest, manifest, config, base, secret } = await leaked()
    const { id } = await purged(digest)
    const push = async () => {
      const put = await registry.ask('PUT', `${scene.dev.name}/again/manifests/1.0.0`, {
        body: manifest,
        type: 'application/vnd.oci.image.manifest.v1+json',
      })
      return [put.status, await put.json()]
    }
    const denied = [
      403,
      {
        errors: [expect.objectContaining({ code: 'DENIED', detail: expect.objectContaining({ purge: id }) })],
      },
    ]
    expect(await push()).toEqual(denied)
    for (const bytes of [config, base, secret]) await registry.pushBlob(scene.dev, 'again', bytes)
    expect(await push()).toEqual(denied)
    expect(await scene.sql('select from manifest where digest = $1', [digest])).toEqual([])
  })

  it('of an index is what nothing else holds', async () => {
    const digest = await scene.push('app', ['1.0.0'], { index: true })
    const children = await scene.sql<{ child: string }>(
      'select child_digest as child from manifest_edge where parent_digest = $1 order by position',
      [digest],
    )
    await promote('app:1.0.0')
    await scene.sql(
      `insert into tag (repository_id, name, digest)
       select r.id, 'kept', $1 from repository r where r.feed_id = $2 and r.name = 'app'`,
      [children[1]!.child, scene.dev.id],
    )
    const { confirmed } = await purged(digest)
    expect(confirmed?.digests).toEqual([digest, children[0]!.child])
    expect((await manifestOf(scene.dev, 'app', children[1]!.child)).status).toBe(200)
    expect((await manifestOf(scene.dev, 'app', children[0]!.child)).status).toBe(404)
  })
})

/** A digest has an algorithm, and the same bytes have another digest by the other one. */

it('a push that is under way when it is purged is refused, not half there', async () => {
  const { digest, manifest } = await leaked()
  await recall(digest)
  const { purge } = await open(digest)
  const push = async () => registry.pushManifest(scene.dev, 'app', manifest, '1.0.1')
  const [confirmed, ...pushed] = await Promise.all([
    house.api.purges.confirm(otto, purge.id),
    ...Array.from({ length: 6 }, push),
  ])
  expect(confirmed.confirmed?.digests).toEqual([digest])
  expect(pushed.filter((status) => status !== 201 && status !== 403)).toEqual([])
  expect(await scene.sql('select from repository_manifest where digest = $1', [digest])).toEqual([])
  expect(await scene.sql('select from tag where digest = $1', [digest])).toEqual([])
  expect(registry.failures).toEqual([])
})
