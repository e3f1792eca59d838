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
