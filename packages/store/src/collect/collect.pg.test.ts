import { digestOf } from '@sluice/oci'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Collection, openCollection } from './test-collection.ts'
import { closeGate, letADayPass, someBytes } from './test-registry.ts'

let house: Collection['house']
let scene: Collection['scene']
let registry: Collection['registry']
let collect: Collection['collect']
let keyOf: Collection['keyOf']
let onDisk: Collection['onDisk']
let pushImage: Collection['pushImage']

beforeEach(async () => {
  const opened = await openCollection()
  ;({ house, scene, registry, collect, keyOf, onDisk, pushImage } = opened)
  return opened.close
})

describe('invariant 7: what is collected', () => {
  it('takes a blob that nothing refers to when grace is over, bytes included, and not before', async () => {
    const bytes = someBytes()
    await registry.pushBlob(scene.dev, 'app', bytes)
    const key = (await keyOf(digestOf(bytes)))!
    await collect()
    expect(await registry.pull(scene.dev, 'app', digestOf(bytes))).toEqual(bytes)
    await letADayPass(house)
    expect(await collect()).toMatchObject({ links: 1, blobs: 1, objects: 1 })
    expect(await keyOf(digestOf(bytes))).toBeNull()
    expect(await onDisk(key)).toBe(false)
  })

  it.each(['HEAD', 'mount'])('grace begins anew with a %s', async (how) => {
    const bytes = someBytes()
    const digest = digestOf(bytes)
    await registry.pushBlob(scene.dev, 'app', bytes)
    await letADayPass(house)
    const { name } = scene.dev
    const renewed =
      how === 'HEAD'
        ? await registry.ask('HEAD', `${name}/app/blobs/${digest}`)
        : await registry.ask('POST', `${name}/app/blobs/uploads/?mount=${digest}&from=${name}/app`)
    expect(renewed.status).toBe(how === 'HEAD' ? 200 : 201)
    expect(await collect()).toMatchObject({ links: 0, blobs: 0 })
    expect(await registry.pull(scene.dev, 'app', digest)).toEqual(bytes)
  })

  it('keeps what a manifest needs; after its deletion takes manifest and blobs', async () => {
    const { digest, layer, layerDigest } = await pushImage('app', '1.0.0')
    await letADayPass(house)
    expect(await collect()).toMatchObject({ links: 0, manifests: 0, blobs: 0 })
    expect(await registry.pull(scene.dev, 'app', layerDigest)).toEqual(layer)
    await registry.ask('DELETE', `${scene.dev.name}/app/manifests/${digest}`)
    await letADayPass(house)
    expect(await collect()).toMatchObject({ links: 2, manifests: 1, blobs: 2, objects: 2 })
    expect(await scene.sql('select from manifest_edge where parent_digest = $1', [digest])).toEqual([])
  })

  it('ends the link of one repository and keeps the blob of another', async () => {
    const { layer, layerDigest } = await pushImage('app', '1.0.0')
    const from = `${scene.dev.name}/app`
    expect(await registry.pushBlob(scene.dev, 'twin', layer, { mountFrom: from })).toBe(201)
    await letADayPass(house)
    expect(await collect()).toMatchObject({ links: 1, blobs: 0 })
    expect(await registry.pull(scene.dev, 'twin', layerDigest)).toBeNull()
    expect(await registry.pull(scene.dev, 'app', layerDigest)).toEqual(layer)
  })

  it('keeps what an open request asks for, though its source is deleted, and what was promoted for ever', async () => {
    const image = await pushImage('app', '1.0.0')
    const { request } = await scene.request('app:1.0.0')
    await registry.ask('DELETE', `${scene.dev.name}/app/manifests/${image.digest}`)
    await letADayPass(house)
    expect(await collect()).toMatchObject({ links: 2, manifests: 0, blobs: 0 })
    const approved = await house.api.requests.approve(scene.anna, request.id, { digest: image.digest })
    await letADayPass(house)
    expect(await collect()).toMatchObject({ manifests: 0, blobs: 0 })
    await scene.promote(approved.promotion!.id)
    await letADayPass(house)
    expect(await collect()).toMatchObject({ links: 0, manifests: 0, blobs: 0 })
    expect(await scene.landed('app', '1.0.0')).toBe(image.digest)
    expect(await registry.pull(scene.trusted, 'app', image.layerDigest)).toEqual(image.layer)
  })

  it('takes what a cancelled request asked for', async () => {
    const image = await pushImage('app', '1.0.0')
    const { request } = await scene.request('app:1.0.0')
    await registry.ask('DELETE', `${scene.dev.name}/app/manifests/${image.digest}`)
    await house.api.requests.cancel(scene.rita, request.id)
    await letADayPass(house)
    expect(await collect()).toMatchObject({ links: 2, manifests: 1, blobs: 2, objects: 2 })
  })

  it('ends idle uploads with their bytes, and leaves the others', async () => {
    const open = async () => {
      const opened = await registry.ask('POST', `${scene.dev.name}/app/blobs/uploads/`)
      const location = opened.headers.get('location')!.slice('/v2/'.length)
      await registry.ask('PATCH', location, { body: someBytes() })
      return location
    }
    const idle = await open()
    await letADayPass(house)
    const busy = await open()
    expect(await collect()).toMatchObject({ uploads: 1, objects: 1 })
    expect((await registry.ask('GET', idle)).status).toBe(404)
    expect((await registry.ask('GET', busy)).status).toBe(204)
  })

  it('removes queued objects of a pass that was killed after its commit', async () => {
    const bytes = someBytes()
    await registry.pushBlob(scene.dev, 'app', bytes)
    const key = (await keyOf(digestOf(bytes)))!
    await letADayPass(house)
    const broken = { ...registry.storage, remove: () => Promise.reject(new Error('killed')) }
    await expect(house.worker.collector.collect(broken)).rejects.toThrow('killed')
    expect([await keyOf(digestOf(bytes)), await onDisk(key)]).toEqual([null, true])
    expect(await collect()).toMatchObject({ blobs: 0, objects: 1 })
    expect(await onDisk(key)).toBe(false)
    expect(await scene.sql('select from storage_removal')).toEqual([])
  })

  it('is not talked out of its grace, nor out of READ COMMITTED', async () => {
    const bytes = someBytes()
    await registry.pushBlob(scene.dev, 'app', bytes)
    const passed = await house.worker.collector.collect(registry.storage, { graceMs: 0 })
    expect(passed).toMatchObject({ links: 0, blobs: 0 })
    const { rows } = await house.worker.pool.query(`select collect_blob($1, '-1 day') as key`, [
      digestOf(bytes),
    ])
    expect(rows[0].key).toBeNull()
    const repeatable = house.worker.pool.query(
      `begin isolation level repeatable read; select collect_blob('${digestOf(bytes)}', '1 day')`,
    )
    await expect(repeatable).rejects.toMatchObject({ code: 'P0001' })
    await house.worker.pool.query('rollback')
  })

  it('does nothing while another worker is at it', async () => {
    const gate = await closeGate(house, 'delete', 'repository_blob')
    await registry.pushBlob(scene.dev, 'app', someBytes())
    await letADayPass(house)
    const first = collect()
    await gate.reached()
    expect(await collect()).toBeNull()
    await gate.open()
    expect(await first).toMatchObject({ links: 1 })
  })
})
