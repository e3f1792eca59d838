import { startFeed } from '@sluice/feed/test-registry'
import { digestOf } from '@sluice/oci'
import { pushImage, REGISTRY_KINDS, startRegistry } from '@sluice/testkit'
import { describe, expect, test } from 'vitest'
import { repositoryOf, targetOf } from './testdata/late.ts'
import { openScene, REPOSITORY } from './testdata/scene.ts'
import { promoteWide, pushWide, TAG } from './testdata/wide.ts'

/** Those that keep a manifest under a sha512 digest, and let a tag name it. */
const knows = (kind: string): boolean => kind === 'zot'

describe.each(REGISTRY_KINDS.filter((kind) => !knows(kind)))(
  'a root with a sha512 digest, and %s',
  (kind) => {
    test('which cannot hold it: the promotion says so, and nothing is visible (invariants 2, 10 and 12)', async () => {
      const [from, registry] = [await startFeed(), await startRegistry(kind)]
      const to = { url: registry.url, prefix: '' }
      const scene = await openScene({ from, to })
      await scene.spawn()
      const ended = await promoteWide(scene, await pushWide(from))
      expect(ended).toMatchObject({
        state: 'ERRORED',
        attempt: 1,
        error: {
          code: 'unsupported',
          message: expect.stringMatching(
            /keeps no manifest under a sha512 digest.*that registry cannot hold this image\.$/,
          ),
        },
      })
      expect(await repositoryOf(to).resolve(TAG)).toBeNull()
      expect((await scene.owner.query('select from admission')).rowCount).toBe(0)
      await scene.close()
      await Promise.all([from.stop(), registry.stop()])
    })
  },
)

describe.each(REGISTRY_KINDS.filter(knows))('a root with a sha512 digest, and %s', (kind) => {
  test('which holds it: it lands there under that digest, tag included (invariant 10)', async () => {
    const [from, registry] = [await startFeed(), await startRegistry(kind)]
    const to = { url: registry.url, prefix: '', stop: registry.stop }
    const scene = await openScene({ from, to })
    await scene.spawn()
    const digest = await pushWide(from)
    expect(await promoteWide(scene, digest)).toMatchObject({ state: 'SUCCEEDED', error: null })
    const target = await targetOf(scene, to)
    expect([await target.resolve(TAG), await target.resolve(digest)]).toEqual([digest, digest])
    await scene.close()
    await Promise.all([from.stop(), registry.stop()])
  })

  test('which serves it: it is promoted from there under that digest (invariant 10)', async () => {
    const registry = await startRegistry(kind)
    const from = { url: registry.url, prefix: '' }
    const scene = await openScene({ from })
    await scene.spawn()
    const digest = await pushWide(from)
    expect(await promoteWide(scene, digest)).toMatchObject({ state: 'SUCCEEDED', error: null })
    expect(await (await targetOf(scene, undefined)).resolve(TAG)).toBe(digest)
    await scene.close()
    await registry.stop()
  })
})

describe.each(REGISTRY_KINDS)('a sha512 digest of an image that was pushed by another, and %s', (kind) => {
  test('which does not serve it by that: the request says so', async () => {
    const registry = await startRegistry(kind)
    const from = { url: registry.url, prefix: '' }
    const scene = await openScene({ from })
    await pushImage(from.url, REPOSITORY, [10], { tag: TAG })
    const bytes = (await repositoryOf(from).getManifest(TAG))?.bytes ?? new Uint8Array()
    const wide = digestOf(bytes, 'sha512')
    const items = [{ image: `${REPOSITORY}@${wide}`, targetTags: [TAG] }]
    await expect(
      scene.api.requests.create(scene.requester, { lane: 'dev-to-trusted', items }),
    ).rejects.toEqual(
      expect.objectContaining({
        name: 'StoreError',
        code: 'digest_unknown',
        message: `the registry serves no ${wide} in ${REPOSITORY}`,
      }),
    )
    await scene.close()
    await registry.stop()
  })
})
