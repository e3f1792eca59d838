import { access, mkdir, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { memoryStorage } from '@sluice/feed/storage'
import { digestOf } from '@sluice/oci'
import { beforeEach, describe, expect, it } from 'vitest'
import { type House, openHouse, type Scene, setScene } from '../promotion/test-scene.ts'
import { OWNER_KEY } from './owner.ts'
import { closeGate, imageOf, letADayPass, openRegistry, type Registry, someBytes } from './test-registry.ts'

let house: House
let scene: Scene
let registry: Registry

// A database for every case: the collector sees all of it.
beforeEach(async () => {
  house = await openHouse()
  scene = await setScene(house)
  registry = await openRegistry(house, scene.rita.principalId, [scene.dev.id])
  return async () => {
    await registry.close()
    await house.close()
  }
})

const collect = () => house.worker.collector.collect(registry.storage)

async function keyOf(digest: string): Promise<string | null> {
  const [row] = await scene.sql<{ key: string }>('select storage_key as key from blob where digest = $1', [
    digest,
  ])
  return row?.key ?? null
}

async function onDisk(key: string): Promise<boolean> {
  return access(join(registry.root, key)).then(
    () => true,
    () => false,
  )
}

async function pushImage(repository: string, tag: string) {
  const [config, layer] = [someBytes(), someBytes()]
  for (const bytes of [config, layer]) expect(await registry.pushBlob(scene.dev, repository, bytes)).toBe(201)
  const manifest = imageOf(config, [layer])
  expect(await registry.pushManifest(scene.dev, repository, manifest, tag)).toBe(201)
  return { config, layer, manifest, digest: digestOf(manifest), layerDigest: digestOf(layer) }
}

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

describe('invariant 7: the collector and the others at once', () => {
  it('a push that has seen its blobs lands whole', async () => {
    const [config, layer] = [someBytes(), someBytes()]
    for (const bytes of [config, layer]) await registry.pushBlob(scene.dev, 'app', bytes)
    await letADayPass(house)
    const gate = await closeGate(house, 'insert', 'manifest')
    const pushed = registry.pushManifest(scene.dev, 'app', imageOf(config, [layer]), '1.0.0')
    await gate.reached()
    expect(await collect()).toMatchObject({ links: 0, blobs: 0 })
    await gate.open()
    expect(await pushed).toBe(201)
    await collect()
    expect(await registry.pull(scene.dev, 'app', digestOf(layer))).toEqual(layer)
  })

  it('an upload of bytes that are stored keeps them', async () => {
    const bytes = someBytes()
    await registry.pushBlob(scene.dev, 'app', bytes)
    await letADayPass(house)
    const gate = await closeGate(house, 'insert', 'repository_blob')
    const pushed = registry.pushBlob(scene.dev, 'twin', bytes)
    await gate.reached()
    expect(await collect()).toMatchObject({ links: 1, blobs: 0 })
    await gate.open()
    expect(await pushed).toBe(201)
    expect(await registry.pull(scene.dev, 'twin', digestOf(bytes))).toEqual(bytes)
  })

  it('a mount keeps its source until it has its own link', async () => {
    const bytes = someBytes()
    await registry.pushBlob(scene.dev, 'app', bytes)
    await letADayPass(house)
    const gate = await closeGate(house, 'insert', 'repository_blob')
    const mounted = registry.pushBlob(scene.dev, 'twin', bytes, { mountFrom: `${scene.dev.name}/app` })
    await gate.reached()
    expect(await collect()).toMatchObject({ links: 0, blobs: 0 })
    await gate.open()
    expect(await mounted).toBe(201)
    expect(await registry.pull(scene.dev, 'twin', digestOf(bytes))).toEqual(bytes)
  })

  it('a request holds what it walked, though it is deleted meanwhile', async () => {
    const image = await pushImage('app', '1.0.0')
    await letADayPass(house)
    const gate = await closeGate(house, 'insert', 'closure_member')
    const asked = scene.request('app:1.0.0')
    await gate.reached()
    const deleted = registry.ask('DELETE', `${scene.dev.name}/app/manifests/${image.digest}`)
    await gate.blocked(2)
    expect(await collect()).toMatchObject({ links: 0, manifests: 0, blobs: 0 })
    await gate.open()
    expect([(await deleted).status, (await asked).request.state]).toEqual([202, 'PENDING'])
    expect(await collect()).toMatchObject({ links: 2, manifests: 0, blobs: 0 })
  })

  it('who comes while a link is being ended finds nothing, and pushes again', async () => {
    const [config, layer] = [someBytes(), someBytes()]
    await registry.pushBlob(scene.dev, 'app', layer)
    await letADayPass(house)
    await registry.pushBlob(scene.dev, 'app', config)
    const { name } = scene.dev
    const gate = await closeGate(house, 'delete', 'repository_blob')
    const collected = collect()
    await gate.reached()
    const others = [
      registry.ask('HEAD', `${name}/app/blobs/${digestOf(layer)}`),
      registry.ask('POST', `${name}/twin/blobs/uploads/?mount=${digestOf(layer)}&from=${name}/app`),
    ]
    const pushed = registry.pushManifest(scene.dev, 'app', imageOf(config, [layer]), '1.0.0')
    await gate.blocked(4)
    await gate.open()
    expect(await collected).toMatchObject({ links: 1, blobs: 1 })
    const statuses = await Promise.all(others.map(async (other) => (await other).status))
    expect([...statuses, await pushed]).toEqual([404, 202, 400])
    expect(registry.failures).toEqual([])
  })

  it('a blob that comes again while it is being deleted is stored anew', async () => {
    const bytes = someBytes()
    await registry.pushBlob(scene.dev, 'app', bytes)
    const old = (await keyOf(digestOf(bytes)))!
    await letADayPass(house)
    const gate = await closeGate(house, 'delete', 'blob')
    const collected = collect()
    await gate.reached()
    const pushed = registry.pushBlob(scene.dev, 'app', bytes)
    await gate.blocked(2)
    await gate.open()
    expect([await pushed, (await collected)?.blobs]).toEqual([201, 1])
    expect(await keyOf(digestOf(bytes))).not.toBe(old)
    expect(await registry.pull(scene.dev, 'app', digestOf(bytes))).toEqual(bytes)
  })

  it('a manifest that comes again while it is being deleted is stored anew, edges included', async () => {
    const image = await pushImage('app', '1.0.0')
    await registry.ask('DELETE', `${scene.dev.name}/app/manifests/${image.digest}`)
    for (const bytes of [image.config, image.layer]) await registry.pushBlob(scene.dev, 'app', bytes)
    await letADayPass(house)
    const gate = await closeGate(house, 'delete', 'manifest')
    const collected = collect()
    await gate.reached()
    const pushed = registry.pushManifest(scene.dev, 'app', image.manifest, '1.0.0')
    await gate.blocked(2)
    await gate.open()
    expect([await pushed, (await collected)?.manifests]).toEqual([201, 1])
    expect(
      await scene.sql('select from manifest_edge where parent_digest = $1', [image.digest]),
    ).toHaveLength(2)
    await collect()
    expect(await registry.pull(scene.dev, 'app', image.layerDigest)).toEqual(image.layer)
  })
})

describe('a storage and its database', () => {
  const lose = async (key: string, age: number) => {
    const path = join(registry.root, key)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, 'lost')
    const at = new Date(Date.now() - age)
    await utimes(path, at, at)
  }
  const DAY = 24 * 60 * 60 * 1000
  const claim = async (id: string, since: Date) => {
    await mkdir(registry.root, { recursive: true })
    await writeFile(join(registry.root, OWNER_KEY), `${id} ${since.toISOString()}`)
  }
  const mine = async () => (await scene.sql<{ id: string }>('select id from storage_owner'))[0]!.id

  it('objects that no row knows go when they are old, the others stay', async () => {
    await claim(await mine(), new Date(Date.now() - 2 * DAY))
    const { layer, layerDigest } = await pushImage('app', '1.0.0')
    const [old, young, upload] = ['blobs/aa/bb/old', 'blobs/aa/bb/young', 'uploads/blobs_aa_bb_torn']
    await lose(old, 2 * DAY)
    await lose(young, DAY / 2)
    await lose(upload, 2 * DAY)
    await utimes(join(registry.root, (await keyOf(layerDigest))!), new Date(0), new Date(0))
    expect(await collect()).toMatchObject({ orphans: 2, foreign: false })
    expect(await Promise.all([old, young, upload].map(onDisk))).toEqual([false, true, false])
    expect(await registry.pull(scene.dev, 'app', layerDigest)).toEqual(layer)
  })

  it('a storage that was just claimed is left alone', async () => {
    await pushImage('app', '1.0.0')
    await lose('blobs/aa/bb/old', 2 * DAY)
    expect(await collect()).toMatchObject({ orphans: 0, foreign: false })
    expect(await onDisk(OWNER_KEY)).toBe(true)
  })

  it('another database’s storage is neither collected from nor scrubbed', async () => {
    await claim('00000000-0000-7000-8000-000000000000', new Date(0))
    await lose('blobs/aa/bb/theirs', 2 * DAY)
    expect(await collect()).toMatchObject({ orphans: 0, foreign: true })
    expect(await onDisk('blobs/aa/bb/theirs')).toBe(true)
    expect(await scrubNow()).toBeNull()
  })

  it('a folder with none of our blobs, as an unmounted volume is, is not ours', async () => {
    const { layerDigest } = await pushImage('app', '1.0.0')
    const empty = memoryStorage()
    expect(await house.worker.collector.collect(empty)).toMatchObject({ foreign: true })
    await scene.sql(`update blob set scrubbed_at = 'epoch'`)
    expect(
      await house.worker.collector.scrub(empty, { ...SCRUB, signal: new AbortController().signal }),
    ).toBeNull()
    expect(await registry.pull(scene.dev, 'app', layerDigest)).not.toBeNull()
  })
})

const SCRUB = { bytesPerSecond: 1e9, restMs: 60_000 }
const scrubNow = (onDamage?: (damaged: unknown) => void) =>
  house.worker.collector.scrub(registry.storage, {
    ...SCRUB,
    signal: new AbortController().signal,
    ...(onDamage && { onDamage }),
  })

describe('integrity at rest', () => {
  it.each([
    ['wrong digest', (path: string, bytes: Buffer) => writeFile(path, Buffer.from(bytes).fill(0))],
    ['missing', (path: string, bytes: Buffer) => writeFile(path, bytes.subarray(1))],
  ])('the scrubber finds the %s, hides and reports it, and the next push heals it', async (damage, harm) => {
    const image = await pushImage('app', '1.0.0')
    const old = (await keyOf(image.layerDigest))!
    // What other cases left has no bytes in this folder.
    await scene.sql(`update blob set scrubbed_at = case when digest = any ($1) then 'epoch' else now() end`, [
      [digestOf(image.config), image.layerDigest],
    ])
    await harm(join(registry.root, old), image.layer)
    const found: unknown[] = []
    expect(await scrubNow((damaged) => found.push(damaged))).toMatchObject({ blobs: 2, damaged: 1 })
    expect(found).toEqual([{ digest: image.layerDigest, damage }])
    expect(await scrubNow()).toMatchObject({ blobs: 0, damaged: 0 })
    const path = `${scene.dev.name}/app/blobs/${image.layerDigest}`
    expect([(await registry.ask('HEAD', path)).status, (await registry.ask('GET', path)).status]).toEqual([
      404, 404,
    ])

    expect(await registry.pushBlob(scene.dev, 'app', image.layer)).toBe(201)
    expect(await registry.pull(scene.dev, 'app', image.layerDigest)).toEqual(image.layer)
    expect(await keyOf(image.layerDigest)).not.toBe(old)
    expect(await onDisk(old)).toBe(false)
    expect(await scene.sql('select storage_key, reason from storage_removal')).toEqual([
      { storage_key: old, reason: 'healed' },
    ])
    expect(await collect()).toMatchObject({ objects: 1 })
    expect(await scene.entries(`digest:${image.layerDigest}`)).toEqual(['blob.quarantined', 'blob.healed'])
  })

  it('a read that finds the bytes gone hides them, with an entry', async () => {
    const image = await pushImage('app', '1.0.0')
    await registry.storage.remove((await keyOf(image.layerDigest))!)
    expect(await registry.pull(scene.dev, 'app', image.layerDigest)).toBeNull()
    expect((await registry.ask('HEAD', `${scene.dev.name}/app/blobs/${image.layerDigest}`)).status).toBe(404)
    expect(await scene.entries(`digest:${image.layerDigest}`)).toEqual(['blob.quarantined'])
  })

  it('goes no faster than it is told, and stops when told', async () => {
    const bytes = someBytes(1_000_000)
    await registry.pushBlob(scene.dev, 'app', bytes)
    await scene.sql(`update blob set scrubbed_at = case when digest = $1 then 'epoch' else now() end`, [
      digestOf(bytes),
    ])
    const stopping = new AbortController()
    const slow = house.worker.collector.scrub(registry.storage, {
      bytesPerSecond: 1_000,
      restMs: 60_000,
      signal: stopping.signal,
    })
    stopping.abort()
    expect(await slow).toEqual({ blobs: 0, bytes: 0, damaged: 0 })
  })

  it('neither role lifts a quarantine or swaps bytes by itself', async () => {
    const bytes = someBytes()
    await registry.pushBlob(scene.dev, 'app', bytes)
    const digest = digestOf(bytes)
    await house.api.feedIndex.quarantineBlob({ digest, size: 64, storageKey: (await keyOf(digest))! })
    for (const { pool } of [house.api, house.worker]) {
      await expect(
        pool.query('update blob set quarantined_at = null where digest = $1', [digest]),
      ).rejects.toMatchObject({ code: 'SL001' })
      await expect(
        pool.query(`update blob set storage_key = 'blobs/x', quarantined_at = null where digest = $1`, [
          digest,
        ]),
      ).rejects.toMatchObject({ code: '42501' })
      await expect(pool.query('delete from blob where digest = $1', [digest])).rejects.toMatchObject({
        code: '42501',
      })
    }
    await expect(
      house.worker.pool.query(`select heal_blob($1, 64, 'blobs/x')`, [digest]),
    ).rejects.toMatchObject({ code: '42501' })
    await expect(house.api.pool.query(`select collect_blob($1, '1 day')`, [digest])).rejects.toMatchObject({
      code: '42501',
    })
  })
})
