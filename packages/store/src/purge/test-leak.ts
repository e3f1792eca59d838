import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf } from '@sluice/oci'
import { expect } from 'vitest'
import { imageOf, openRegistry, someBytes } from '../collect/test-registry.ts'
import type { Actor } from '../index.ts'
import { openHouse, setScene } from '../promotion/test-scene.ts'

export type Leak = Awaited<ReturnType<typeof openLeak>>

/** A house with a registry: anna and rita are administrators, otto is a person with `recall` on the trusted feed. */
export async function openLeak() {
  const house = await openHouse()
  const scene = await setScene(house)
  const admin = (actor: Actor): Actor => ({ ...actor, roles: ['admin'] })
  const [anna, rita, otto] = [admin(scene.anna), admin(scene.rita), scene.otto]
  await scene.sql(`update person set roles = '{admin}' where id = any ($1)`, [[anna.personId, rita.personId]])
  await scene.sql(`update access_grant set verbs = '{pull,approve,recall}' where principal_id = $1`, [
    otto.principalId,
  ])
  const registry = await openRegistry(house, rita.principalId, [scene.dev.id, scene.trusted.id])

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
    expect(await registry.pushBlob(scene.dev, 'twin', secret, { mountFrom: `${scene.dev.name}/app` })).toBe(
      201,
    )
    await promote('app:1.0.0')
    await promote('other:1.0.0')
    return { ...image, base, secret }
  }

  const recall = (digest: string) =>
    house.api.recalls.create(otto, { digest, feedId: scene.trusted.id, reason: 'leak' })
  const open = (digest: string, actor = anna) =>
    house.api.purges.open(actor, { digest, reason: 'leaked key' })

  async function purged(digest: string) {
    await recall(digest)
    const { purge } = await open(digest)
    return house.api.purges.confirm(otto, purge.id)
  }

  const manifestOf = (feed: { name: string }, repository: string, reference: string) =>
    registry.ask('GET', `${feed.name}/${repository}/manifests/${reference}`)

  return {
    house,
    scene,
    registry,
    anna,
    rita,
    otto,
    keyOf,
    onDisk,
    pushImage,
    promote,
    leaked,
    recall,
    open,
    purged,
    manifestOf,
    async close() {
      await registry.close()
      await house.close()
    },
  }
}

export const refused = (code: string) => expect.objectContaining({ name: 'StoreError', code })
