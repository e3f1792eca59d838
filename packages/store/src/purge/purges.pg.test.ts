import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf } from '@sluice/oci'
import { beforeEach, describe, expect, it } from 'vitest'
import { imageOf, openRegistry, type Registry, someBytes } from '../collect/test-registry.ts'
import type { Actor } from '../index.ts'
import { type House, openHouse, type Scene, setScene } from '../promotion/test-scene.ts'

let house: House
let scene: Scene
let registry: Registry
/** Administrators; a person with `recall` on the trusted feed. */
let anna: Actor
let rita: Actor
let otto: Actor

beforeEach(async () => {
  house = await openHouse()
  scene = await setScene(house)
  const admin = (actor: Actor): Actor => ({ ...actor, roles: ['admin'] })
  ;[anna, rita, otto] = [admin(scene.anna), admin(scene.rita), scene.otto]
  await scene.sql(`update person set roles = '{admin}' where id = any ($1)`, [[anna.personId, rita.personId]])
  await scene.sql(`update access_grant set verbs = '{pull,approve,recall}' where principal_id = $1`, [
    otto.principalId,
  ])
  registry = await openRegistry(house, rita.principalId, [scene.dev.id, scene.trusted.id])
  return async () => {
    await registry.close()
    await house.close()
  }
})

const refused = (code: string) => expect.objectContaining({ name: 'StoreError', code })
const keyOf = async (digest: string) =>
  (await scene.sql<{ key: string }>('select storage_key as key from blob where digest = $1', [digest]))[0]
    ?.key
const onDisk = (key: string) =>
  access(join(registry.root, key)).then(
    () => true,
    () => false,
  )

async function pushImage(repository: string, tag: string, layers: readonly Buffer[]) {
  const config = someBytes()
  for (const bytes of [config, ...layers]) await registry.pushBlob(scene.dev, repository, bytes)
  const manifest = imageOf(config, layers)
  expect(await registry.pushManifest(scene.dev, repository, manifest, tag)).toBe(201)
  return { config, manifest, digest: digestOf(manifest) }
}

async function promote(image: string): Promise<void> {
  await scene.promote((await scene.approved(image)).promotionId)
}

/** `app:1.0.0` with a secret in one layer and a base that `other:1.0.0` shares; both in trusted. */
async function leaked() {
  const [base, secret] = [someBytes(), someBytes()]
  const image = await pushImage('app', '1.0.0', [base, secret])
  await pushImage('other', '1.0.0', [base])
  expect(await registry.pushBlob(scene.dev, 'twin', secret, { mountFrom: `${scene.dev.name}/app` })).toBe(201)
  await promote('app:1.0.0')
  await promote('other:1.0.0')
  return { ...image, base, secret }
}

const recall = (digest: string) =>
  house.api.recalls.create(otto, { digest, feedId: scene.trusted.id, reason: 'leak' })
const open = (digest: string, actor = anna) => house.api.purges.open(actor, { digest, reason: 'leaked key' })

async function purged(digest: string) {
  await recall(digest)
  const { purge } = await open(digest)
  return house.api.purges.confirm(otto, purge.id)
}

const manifestOf = (feed: { name: string }, repository: string, reference: string) =>
  registry.ask('GET', `${feed.name}/${repository}/manifests/${reference}`)

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

describe('who may', () => {
  it('takes two persons, the first an administrator, the second one or with the recall grant', async () => {
    const { digest } = await leaked()
    await recall(digest)
    await expect(open(digest, otto)).rejects.toThrow(refused('purge_not_granted'))
    await expect(open(digest, scene.robot)).rejects.toThrow(refused('purge_not_granted'))
    const { purge } = await open(digest)
    expect((await open(digest, rita)).purge.id).toBe(purge.id)
    await expect(house.api.purges.confirm(anna, purge.id)).rejects.toThrow(refused('self_approval'))
    await scene.sql(`update person set roles = '{}' where id = $1`, [rita.personId])
    await expect(house.api.purges.confirm(rita, purge.id)).rejects.toThrow(refused('purge_not_granted'))
    await scene.sql(
      `insert into credential (person_id, password_hash, must_change, set_by) values ($1, 'x', false, $2)`,
      [otto.personId, anna.personId],
    )
    const confirmed = house.api.purges.confirm(otto, purge.id)
    await expect(confirmed).rejects.toThrow(refused('password_known_to_requester'))
    expect((await manifestOf(scene.dev, 'app', digest)).status).toBe(200)
    await scene.sql(`update person set roles = '{admin}' where id = $1`, [rita.personId])
    expect((await house.api.purges.confirm(rita, purge.id)).confirmed?.by).toBe(rita.name)
    await expect(house.api.purges.confirm(rita, purge.id)).rejects.toThrow(refused('purged'))
    expect(await scene.entries(`purge:${purge.id}`)).toEqual(['purge.opened', 'digest.purged'])
  })

  it('only what is recalled, and only while it is', async () => {
    const { digest } = await leaked()
    await expect(open(digest)).rejects.toThrow(refused('not_recalled'))
    await recall(digest)
    const { purge } = await open(digest)
    const asked = { lane: scene.lane, kind: 'restore' as const, items: [{ image: `app@${digest}` }] }
    const { request } = await house.api.requests.create(rita, { ...asked, reason: 'no secret' })
    const view = await house.api.requests.approve(scene.anna, request.id, { digest })
    await scene.promote(view.promotion!.id)
    await expect(house.api.purges.confirm(rita, purge.id)).rejects.toThrow(refused('not_recalled'))
    expect((await manifestOf(scene.trusted, 'app', digest)).status).toBe(200)
  })

  it('Postgres: neither role purges past the function, nor takes a tombstone away', async () => {
    const { digest } = await leaked()
    const { id } = await purged(digest)
    for (const { pool } of [house.api, house.worker]) {
      for (const text of [
        `update purge set confirmed_at = now()`,
        `delete from purge`,
        `delete from tombstone`,
        `insert into tombstone values ('sha256:x', '${id}', '{}')`,
      ]) {
        await expect(pool.query(text)).rejects.toMatchObject({ code: '42501' })
      }
    }
    const confirm = house.worker.pool.query('select confirm_purge($1, $1, $1)', [id])
    await expect(confirm).rejects.toMatchObject({ code: '42501' })
  })
})

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
