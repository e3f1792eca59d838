import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { memoryStorage } from '@sluice/feed/storage'
import { beforeEach, describe, expect, it } from 'vitest'
import { OWNER_KEY } from './owner.ts'
import { type Collection, openCollection, SCRUB } from './test-collection.ts'

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
