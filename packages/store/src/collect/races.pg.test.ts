import { digestOf } from '@sluice/oci'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Collection, openCollection } from './test-collection.ts'
import { closeGate, imageOf, letADayPass, someBytes } from './test-registry.ts'

let house: Collection['house']
let scene: Collection['scene']
let registry: Collection['registry']
let collect: Collection['collect']
let keyOf: Collection['keyOf']
let pushImage: Collection['pushImage']

beforeEach(async () => {
  const opened = await openCollection()
  ;({ house, scene, registry, collect, keyOf, pushImage } = opened)
  return opened.close
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
