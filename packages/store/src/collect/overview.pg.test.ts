import { digestOf } from '@sluice/oci'
import { beforeEach, expect, it } from 'vitest'
import { type Collection, openCollection } from './test-collection.ts'
import { letADayPass, someBytes } from './test-registry.ts'

let house: Collection['house']
let scene: Collection['scene']
let registry: Collection['registry']

beforeEach(async () => {
  const opened = await openCollection()
  ;({ house, scene, registry } = opened)
  return opened.close
})

it('tells what is stored, what a collection took and what the scrubber found', async () => {
  const before = await house.api.storageOverview()
  expect(before).toMatchObject({ collection: null, scrub: null, damaged: { count: 0, items: [] } })
  const [going, damaged] = [someBytes(), someBytes()]
  await registry.pushBlob(scene.dev, 'app', going)
  const stored = await house.api.storageOverview()
  expect(stored.blobs).toEqual({
    count: before.blobs.count + 1,
    bytes: before.blobs.bytes + going.length,
  })
  expect(stored.hashedSince).not.toBeNull()

  await letADayPass(house)
  await registry.pushBlob(scene.dev, 'app', damaged)
  await house.worker.collector.collect(registry.storage)
  const [row] = await scene.sql<{ key: string }>('select storage_key as key from blob where digest = $1', [
    digestOf(damaged),
  ])
  await registry.storage.remove(row!.key)
  await scene.sql(`update blob set scrubbed_at = scrubbed_at - interval '1 day'`)
  const scrubbing = { bytesPerSecond: 1e9, restMs: 60_000, signal: new AbortController().signal }
  const scrubbed = await house.worker.collector.scrub(registry.storage, scrubbing)
  expect(await house.api.storageOverview()).toMatchObject({
    blobs: { bytes: before.blobs.bytes + damaged.length },
    collection: { at: expect.any(String), blobs: 1, objects: 1, foreign: false },
    scrub: { at: expect.any(String), ...scrubbed },
    damaged: {
      count: 1,
      items: [{ digest: digestOf(damaged), size: damaged.length, repositories: [`${scene.dev.name}/app`] }],
    },
    awaitingRemoval: 0,
  })
})
