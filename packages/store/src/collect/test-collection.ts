import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf } from '@sluice/oci'
import { expect } from 'vitest'
import { openHouse, setScene } from '../promotion/test-scene.ts'
import { imageOf, openRegistry, someBytes } from './test-registry.ts'

export const SCRUB = { bytesPerSecond: 1e9, restMs: 60_000 }

/** A registry over a database of its own: the collector sees all of it. */
export async function openCollection() {
  const house = await openHouse()
  const scene = await setScene(house)
  const registry = await openRegistry(house, scene.rita.principalId, [scene.dev.id])

  const collect = () => house.worker.collector.collect(registry.storage)

  const scrubNow = (onDamage?: (damaged: unknown) => void) =>
    house.worker.collector.scrub(registry.storage, {
      ...SCRUB,
      signal: new AbortController().signal,
      ...(onDamage && { onDamage }),
    })

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
    for (const bytes of [config, layer])
      expect(await registry.pushBlob(scene.dev, repository, bytes)).toBe(201)
    const manifest = imageOf(config, [layer])
    expect(await registry.pushManifest(scene.dev, repository, manifest, tag)).toBe(201)
    return { config, layer, manifest, digest: digestOf(manifest), layerDigest: digestOf(layer) }
  }

  const close = async () => {
    await registry.close()
    await house.close()
  }
  return { house, scene, registry, collect, scrubNow, keyOf, onDisk, pushImage, close }
}

export type Collection = Awaited<ReturnType<typeof openCollection>>
