import { digestOf } from '@sluice/oci'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Collection, openCollection } from '../collect/test-collection.ts'
import { closeGate, imageOf, letADayPass, someBytes } from '../collect/test-registry.ts'

let house: Collection['house']
let scene: Collection['scene']
let registry: Collection['registry']

beforeEach(async () => {
  const opened = await openCollection()
  ;({ house, scene, registry } = opened)
  return opened.close
})

const limit = (bytes: number | null) =>
  house.api.feeds.patch(scene.rita, scene.dev.name, { quota: bytes === null ? null : { bytes } })
const used = async () => (await house.api.feeds.get(scene.dev.name)).used
const push = (repository: string, bytes: Buffer, options = {}) =>
  registry.pushBlob(scene.dev, repository, bytes, options)

/** A session in `dev`; answers its path. */
async function open(repository: string): Promise<string> {
  const opened = await registry.ask('POST', `${scene.dev.name}/${repository}/blobs/uploads/`)
  return opened.headers.get('location')!.slice('/v2/'.length)
}
/** In one request. */
const pushWhole = (repository: string, bytes: Buffer) =>
  registry.ask('POST', `${scene.dev.name}/${repository}/blobs/uploads/?digest=${digestOf(bytes)}`, {
    body: bytes,
  })
const patch = (location: string, body: Buffer) => registry.ask('PATCH', location, { body })

describe('what a feed holds', () => {
  it('counts each blob once, whatever repositories link it, and no other feed’s', async () => {
    const [one, two] = [someBytes(100), someBytes(30)]
    await push('app', one)
    await push('twin', one, { mountFrom: `${scene.dev.name}/app` })
    await push('twin', two)
    await push('empty', Buffer.alloc(0))
    expect(await used()).toBe(130)
    await registry.ask('DELETE', `${scene.dev.name}/app/blobs/${digestOf(one)}`)
    expect(await used()).toBe(130)
    await registry.ask('DELETE', `${scene.dev.name}/twin/blobs/${digestOf(one)}`)
    expect(await used()).toBe(30)
    expect((await house.api.feeds.get(scene.trusted.name)).used).toBe(0)
  })

  it('shrinks with the garbage', async () => {
    await push('app', someBytes(100))
    await letADayPass(house)
    await house.worker.collector.collect(registry.storage)
    expect(await used()).toBe(0)
    expect(await scene.sql('select from feed_usage')).toEqual([])
  })

  it('is counted exactly by the collector, where two links at the same moment were both counted', async () => {
    const bytes = someBytes(100)
    const gate = await closeGate(house, 'insert', 'repository_blob')
    await house.admin.query(`insert into blob (digest, size, storage_key) values ($1, 100, 'blobs/x')`, [
      digestOf(bytes),
    ])
    const link = (name: string) =>
      house.admin.query(
        `with r as (insert into repository (id, feed_id, name) values (gen_random_uuid(), $1, $2) returning id)
         insert into repository_blob (repository_id, digest) select id, $3 from r`,
        [scene.dev.id, name, digestOf(bytes)],
      )
    const links = [link('one'), link('two')]
    await gate.blocked(2)
    await gate.open()
    await Promise.all(links)
    await house.worker.collector.collect(registry.storage)
    expect(await used()).toBe(100)
  })
})

describe('a quota', () => {
  it('refuses the upload that exceeds it, with both numbers, and takes what fits', async () => {
    await limit(150)
    expect(await push('app', someBytes(100))).toBe(201)
    const tooMuch = someBytes(51)
    const refused = await pushWhole('app', tooMuch)
    expect(refused.status).toBe(413)
    expect(await refused.json()).toMatchObject({
      errors: [{ code: 'DENIED', detail: { quota: 150, used: 100 } }],
    })
    expect(await scene.sql('select from upload')).toEqual([])
    expect(await registry.pull(scene.dev, 'app', digestOf(tooMuch))).toBeNull()
    expect(await push('app', someBytes(50))).toBe(201)
    expect(await used()).toBe(150)
  })

  it('counts what a chunked upload has brought already', async () => {
    await limit(100)
    const bytes = someBytes(120)
    const location = await open('app')
    expect((await patch(location, bytes.subarray(0, 60))).status).toBe(202)
    expect((await patch(location, bytes.subarray(60))).status).toBe(413)
    // It has ended, and holds no room: a client begins another one, and does not come back to this.
    expect((await registry.ask('GET', location)).status).toBe(404)
    expect(await scene.sql('select from upload')).toEqual([])
    expect(await push('app', someBytes(100))).toBe(201)
  })

  it('counts what every open upload of the feed has brought, until it ends', async () => {
    await limit(100)
    const opened = await open('one')
    expect((await patch(opened, someBytes(60))).status).toBe(202)
    const refused = await pushWhole('two', someBytes(41))
    expect([refused.status, await refused.json()]).toMatchObject([
      413,
      { errors: [{ code: 'DENIED', detail: { quota: 100, used: 60 } }] },
    ])
    expect(await push('two', someBytes(40))).toBe(201)
    // Stored and under way together fill it.
    expect((await registry.ask('POST', `${scene.dev.name}/two/blobs/uploads/`)).status).toBe(403)
    expect((await registry.ask('DELETE', opened)).status).toBe(204)
    expect(await push('two', someBytes(60))).toBe(201)
    expect(await used()).toBe(100)
  })

  it('holds when uploads are written at the same moment: one goes on, the others end with their bytes', async () => {
    await limit(100)
    const bytes = someBytes(60)
    const opened = await Promise.all([1, 2, 3, 4].map((n) => open(`app-${n}`)))
    // Each has seen the whole room, and stands before it writes.
    const gate = await closeGate(house, 'update', 'upload')
    const written = Promise.all(opened.map((location) => patch(location, bytes)))
    await gate.blocked(4)
    await gate.open()
    const statuses = (await written).map(({ status }) => status)
    expect(statuses.toSorted((a, b) => a - b)).toEqual([202, 403, 403, 403])
    expect(await scene.sql('select received::int from upload')).toEqual([{ received: 60 }])
    const states = await Promise.all(opened.map((location) => registry.ask('GET', location)))
    expect(states.map(({ status }) => status)).toEqual(statuses.map((one) => (one === 202 ? 204 : 404)))
    const going = opened[statuses.indexOf(202)]!
    expect((await registry.ask('PUT', `${going}?digest=${digestOf(bytes)}`)).status).toBe(201)
    expect(await used()).toBe(60)
    expect(await push('app-1', someBytes(40))).toBe(201)
  })

  it('takes what the feed has already, and a wrong digest, without a second count', async () => {
    await limit(100)
    const bytes = someBytes(50)
    await push('one', bytes)
    expect(await push('two', bytes)).toBe(201)
    const opened = await open('two')
    expect((await patch(opened, bytes)).status).toBe(202)
    const wrong = await registry.ask('PUT', `${opened}?digest=${digestOf(someBytes(50))}`)
    expect(wrong.status).toBe(400)
    expect((await registry.ask('PUT', `${opened}?digest=${digestOf(bytes)}`)).status).toBe(201)
    expect(await used()).toBe(50)
  })

  it('holds when pushes end at the same moment: those before fill it, the others are refused', async () => {
    await limit(100)
    // Whoever crosses four fifths has decided, and stands here before it commits.
    const gate = await closeGate(house, 'insert', 'audit_entry')
    const pushes = Promise.all([1, 2, 3, 4].map((n) => pushWhole(`app-${n}`, someBytes(90))))
    await gate.blocked(4)
    await gate.open()
    expect((await pushes).map(({ status }) => status).sort((a, b) => a - b)).toEqual([201, 403, 403, 403])
    expect(await scene.sql('select from upload')).toEqual([])
    expect(await used()).toBe(90)
    expect(await scene.entries(`feed:${scene.dev.id}`)).toEqual(['feed.changed', 'feed.quota-warning'])
  })

  it('counts a blob that is pushed while its last link goes', async () => {
    await limit(1000)
    const bytes = someBytes(100)
    await push('one', bytes)
    // The link is gone and its bytes are taken off, but not committed.
    const gate = await closeGate(house, 'insert', 'feed_usage')
    const removed = registry.ask('DELETE', `${scene.dev.name}/one/blobs/${digestOf(bytes)}`)
    await gate.reached()
    const pushed = push('two', bytes)
    await Promise.race([gate.blocked(2), pushed])
    await gate.open()
    expect([(await removed).status, await pushed]).toEqual([202, 201])
    expect(await used()).toBe(100)
  })

  it('lets pushes to a feed without one pass each other', async () => {
    const gate = await closeGate(house, 'insert', 'feed_usage')
    const pushes = Promise.all([1, 2].map((n) => push(`app-${n}`, someBytes(90))))
    await gate.blocked(2)
    const { rows } = await house.admin.query(
      `select count(*)::int as waiting from pg_locks l join pg_database d on d.oid = l.database
       where d.datname = current_database() and locktype = 'advisory' and objid = 4712 and not granted`,
    )
    expect(rows).toEqual([{ waiting: 2 }])
    await gate.open()
    expect(await pushes).toEqual([201, 201])
  })

  it('receives nothing for a feed that is full, and still takes mounts and manifests of what is there', async () => {
    const [config, layer] = [someBytes(60), someBytes(60)]
    for (const bytes of [config, layer]) await push('app', bytes)
    await limit(100)
    const opened = await registry.ask('POST', `${scene.dev.name}/app/blobs/uploads/`)
    expect(opened.status).toBe(403)
    const mounts = [config, layer].map((bytes) => push('twin', bytes, { mountFrom: `${scene.dev.name}/app` }))
    expect(await Promise.all(mounts)).toEqual([201, 201])
    expect(await registry.pushManifest(scene.dev, 'twin', imageOf(config, [layer]), '1.0.0')).toBe(201)
    await limit(null)
    expect(await push('app', someBytes(60))).toBe(201)
  })

  it('warns once when four fifths are crossed', async () => {
    await limit(100)
    for (const size of [70, 15, 5]) await push('app', someBytes(size))
    expect(await scene.entries(`feed:${scene.dev.id}`)).toEqual(['feed.changed', 'feed.quota-warning'])
  })

  it.each([[0], [-1], [1.5], [Number.MAX_SAFE_INTEGER + 1]])('of %d bytes is none', async (bytes) => {
    await expect(limit(bytes)).rejects.toMatchObject({ code: 'invalid', field: 'quota.bytes' })
  })
})
