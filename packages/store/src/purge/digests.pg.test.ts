import { digestOf } from '@sluice/oci'
import { beforeEach, describe, expect, it } from 'vitest'
import { someBytes } from '../collect/test-registry.ts'
import { openLeak, type Leak } from './test-leak.ts'

let house: Leak['house']
let scene: Leak['scene']
let registry: Leak['registry']
let otto: Leak['otto']
let keyOf: Leak['keyOf']
let pushImage: Leak['pushImage']
let promote: Leak['promote']
let recall: Leak['recall']
let open: Leak['open']
let purged: Leak['purged']
let manifestOf: Leak['manifestOf']

beforeEach(async () => {
  const leak = await openLeak()
  ;({ house, scene, registry, otto, keyOf, pushImage, promote, recall, open, purged, manifestOf } = leak)
  return leak.close
})

describe.each(['sha256', 'sha512'] as const)('what is purged under its %s digest', (algorithm) => {
  const other = algorithm === 'sha256' ? 'sha512' : 'sha256'

  /** `app:1.0.0` in trusted, with the digest that the test is about. */
  async function promoted() {
    const layers = [someBytes()]
    const { manifest, config } = await pushImage('app', 'first', layers)
    const [digest, twin] = [digestOf(manifest, algorithm), digestOf(manifest, other)]
    const reference = `${digest}?tag=1.0.0`
    expect(await registry.pushManifest(scene.dev, 'app', manifest, reference)).toBe(201)
    // Pushed by the tag, it has the digest of sha256.
    await scene.unguarded('tag', `delete from tag where name = 'first'`, [])
    if (algorithm === 'sha512')
      await scene.unguarded('repository_manifest', `delete from repository_manifest where digest = $1`, [
        twin,
      ])
    await promote('app:1.0.0')
    return { manifest, digest, twin, config, layer: layers[0]! }
  }
  const pushed = async (repository: string, manifest: Buffer, reference: string) => {
    const put = await registry.ask('PUT', `${scene.dev.name}/${repository}/manifests/${reference}`, {
      body: manifest,
      type: 'application/vnd.oci.image.manifest.v1+json',
    })
    const { errors = [] }: { errors?: { code: string; detail?: { purge?: string } }[] } = JSON.parse(
      (await put.text()) || '{}',
    )
    return [put.status, errors[0]?.code, errors[0]?.detail?.purge]
  }
  const pushedBlob = async (bytes: Buffer, digest: string) => {
    const path = `${scene.dev.name}/again/blobs/uploads/?digest=${digest}`
    const put = await registry.ask('POST', path, { body: bytes, type: 'application/octet-stream' })
    await put.body?.cancel()
    return put.status
  }

  it('is not taken again under either, nor as a blob (invariant 10)', async () => {
    const { manifest, digest, twin } = await promoted()
    const { id, confirmed } = await purged(digest)
    expect(confirmed?.digests).toContain(digest)
    for (const each of [digest, twin]) {
      expect(await pushed('again', manifest, each)).toEqual([403, 'DENIED', id])
      expect(await pushedBlob(manifest, each)).toBe(403)
      expect(await scene.sql('select from blob where digest = $1', [each])).toEqual([])
      // There it is told of under both; where it never was under neither.
      expect(await (await manifestOf(scene.dev, 'app', each)).text()).toContain('leaked key')
      expect(await (await manifestOf(scene.dev, 'other', each)).text()).not.toContain('leaked key')
      const { items } = await house.api.purges.list({ limit: 10, visibleFeedIds: null, digest: each })
      expect(items.map((item) => item.id)).toEqual([id])
    }
    expect(registry.failures).toEqual([])
  })

  it('is gone under the other too, and where its bytes were a blob', async () => {
    const { manifest, digest, twin, config, layer } = await promoted()
    expect(await registry.pushBlob(scene.dev, 'twin', layer, { mountFrom: `${scene.dev.name}/app` })).toBe(
      201,
    )
    expect(await registry.pushBlob(scene.dev, 'twin', config, { mountFrom: `${scene.dev.name}/app` })).toBe(
      201,
    )
    expect(await pushed('twin', manifest, `${twin}?tag=1.0.0`)).toEqual([201, undefined, undefined])
    expect(await pushedBlob(manifest, digestOf(manifest))).toBe(201)
    const { confirmed } = await purged(digest)
    expect(confirmed?.digests).toEqual([digest, twin])
    for (const [repository, reference] of [
      ['app', digest],
      ['twin', twin],
      ['twin', '1.0.0'],
    ] as const)
      expect((await manifestOf(scene.dev, repository, reference)).status).toBe(404)
    expect(await registry.pull(scene.dev, 'again', digestOf(manifest))).toBeNull()
    expect(await registry.pull(scene.dev, 'twin', digestOf(layer))).toBeNull()
    expect(await keyOf(digestOf(layer))).toBeUndefined()
  })

  it('is not taken again under the other, also where that was not put on record', async () => {
    const { manifest, digest, twin, config, layer } = await promoted()
    const { id } = await purged(digest)
    for (const bytes of [config, layer]) expect(await registry.pushBlob(scene.dev, 'again', bytes)).toBe(201)
    // As of purges before both were.
    await scene.unguarded('tombstone', 'delete from tombstone where digest = $1', [twin])
    expect(await pushed('again', manifest, twin)).toEqual([403, 'DENIED', id])
  })

  it('is gone where somebody was pushing it under the other meanwhile', async () => {
    const { manifest, digest, twin } = await promoted()
    await recall(digest)
    const { purge } = await open(digest)
    const pusher = await house.admin.connect()
    try {
      await pusher.query('begin')
      await pusher.query(
        `insert into manifest (digest, bytes, kind) values ($1, $2, 'manifest') on conflict do nothing`,
        [twin, manifest],
      )
      await pusher.query(
        `insert into repository_manifest (repository_id, digest, media_type)
         select r.id, $1, 'x/y' from repository r where r.feed_id = $2 and r.name = 'app'`,
        [twin, scene.dev.id],
      )
      const confirmed = house.api.purges.confirm(otto, purge.id)
      await expect
        .poll(
          async () =>
            (
              await house.admin.query(
                `select from pg_locks where not granted and relation = 'manifest'::regclass`,
              )
            ).rowCount,
        )
        .toBe(1)
      await pusher.query('commit')
      expect((await confirmed).confirmed?.digests).toEqual([digest, twin])
    } finally {
      pusher.release()
    }
    expect(await scene.sql('select from manifest where digest = any ($1)', [[digest, twin]])).toEqual([])
  })
})

it('an image of a purged index stays where its bytes are held under another digest', async () => {
  const layers = [someBytes()]
  const { manifest, digest: child } = await pushImage('app', 'child', layers)
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [
        { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: child, size: manifest.length },
      ],
    }),
  )
  const put = await registry.ask('PUT', `${scene.dev.name}/app/manifests/1.0.0`, {
    body: bytes,
    type: 'application/vnd.oci.image.index.v1+json',
  })
  expect(put.status).toBe(201)
  const twin = digestOf(manifest, 'sha512')
  expect(await registry.pushManifest(scene.dev, 'app', manifest, `${twin}?tag=kept`)).toBe(201)
  await scene.sql(`delete from tag where name = 'child'`)
  await promote('app:1.0.0')
  const { confirmed } = await purged(digestOf(bytes))
  expect(confirmed?.digests).toEqual([digestOf(bytes)])
  for (const each of [child, twin, 'kept'])
    expect((await manifestOf(scene.dev, 'app', each)).status).toBe(200)
})
