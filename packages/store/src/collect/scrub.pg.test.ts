import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf } from '@sluice/oci'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Collection, openCollection } from './test-collection.ts'
import { someBytes } from './test-registry.ts'

let house: Collection['house']
let scene: Collection['scene']
let registry: Collection['registry']
let collect: Collection['collect']
let keyOf: Collection['keyOf']
let onDisk: Collection['onDisk']
let pushImage: Collection['pushImage']
let scrubNow: Collection['scrubNow']

beforeEach(async () => {
  const opened = await openCollection()
  ;({ house, scene, registry, collect, keyOf, onDisk, pushImage, scrubNow } = opened)
  return opened.close
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
