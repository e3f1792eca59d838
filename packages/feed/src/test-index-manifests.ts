import { digestOf, OCI_MANIFEST } from '@sluice/oci'
import { beforeEach, describe, expect, it } from 'vitest'
import type { FeedError } from './errors.ts'
import { CONFIG, LAYER, testImage, testIndex } from './test-images.ts'
import { MISSING, type OpenIndex } from './test-index.ts'

/** What a `FeedIndex` does with manifests and tags. */
export function manifestContract(opened: () => OpenIndex): void {
  describe('manifests and tags', () => {
    let index: OpenIndex['index']
    let app: OpenIndex['app']
    let twin: OpenIndex['twin']
    let abroad: OpenIndex['abroad']
    let alice: OpenIndex['alice']
    let pushBlob: OpenIndex['pushBlob']
    let put: OpenIndex['put']
    let pushImage: OpenIndex['pushImage']

    beforeEach(() => {
      ;({ index, app, twin, abroad, alice, pushBlob, put, pushImage } = opened())
    })

    it('answers the bytes pushed, by digest and by tag, in this repository alone', async () => {
      const image = testImage()
      expect(await pushImage(app, image, ['1.0', 'latest'])).toEqual([
        { tag: '1.0', moved: true },
        { tag: 'latest', moved: true },
      ])
      for (const reference of [image.digest, '1.0', 'latest']) {
        const found = await index.findManifest(app, reference)
        expect(found).toMatchObject({ digest: image.digest, mediaType: image.mediaType })
        expect(Buffer.from(found?.bytes ?? [])).toEqual(image.bytes)
        const { digest, mediaType } = image
        const facts = { digest, mediaType, size: image.bytes.length }
        expect(await index.describeManifest(app, reference)).toEqual(facts)
        for (const elsewhere of [twin, abroad]) {
          expect(await index.findManifest(elsewhere, reference)).toBeNull()
          expect(await index.describeManifest(elsewhere, reference)).toBeNull()
        }
      }
    })
    it('moves a tag, and says when it already points there', async () => {
      const [one, two] = [testImage(), testImage({ annotations: { n: '2' } })]
      await pushImage(app, one, ['1.0'])
      expect(await put(app, one, ['1.0'])).toEqual([{ tag: '1.0', moved: false, refusal: null }])
      expect(await put(app, two, ['1.0'])).toEqual([{ tag: '1.0', moved: true }])
      expect((await index.findManifest(app, '1.0'))?.digest).toBe(two.digest)
      expect((await index.findManifest(app, one.digest))?.digest).toBe(one.digest)
    })
    it('answers each of many who ask at once, in whatever repository, as things are now', async () => {
      const [one, two] = [testImage(), testImage({ annotations: { n: '2' } })]
      await pushImage(app, one, ['1.0'])
      await pushImage(twin, two, ['1.0'])
      const all = () =>
        Promise.all(
          [app, twin, abroad].flatMap((address) =>
            ['1.0', one.digest, '2.0'].map(async (reference) => {
              const found = await index.findManifest(address, reference)
              return found && { digest: found.digest, bytes: Buffer.from(found.bytes) }
            }),
          ),
        )
      const [first, second] = [one, two].map(({ digest, bytes }) => ({ digest, bytes }))
      expect(await all()).toEqual([first, first, null, second, null, null, null, null, null])
      await put(app, two, ['1.0'])
      expect(await all()).toEqual([second, first, null, second, null, null, null, null, null])
      await index.deleteManifest(twin, two.digest, alice)
      expect(await all()).toEqual([second, first, null, null, null, null, null, null, null])
    })
    it('sets a tag only if it is what the push expects, and else stores nothing', async () => {
      const [first, second] = [testImage(), testImage({ annotations: { n: '2' } })]
      const unmet = { code: 'DENIED', status: 412 }
      await pushImage(app, first)
      await expect(put(app, first, ['edge'], 'present')).rejects.toMatchObject(unmet)
      await expect(put(app, first, ['edge'], [first.digest])).rejects.toMatchObject(unmet)
      expect(await put(app, first, ['edge'], 'absent')).toEqual([{ tag: 'edge', moved: true }])
      for (const condition of ['absent', [second.digest]] as const) {
        await expect(put(app, second, ['edge', 'new'], condition)).rejects.toMatchObject({
          ...unmet,
          detail: { tag: 'edge', current: first.digest },
        })
      }
      // One of several does not hold: none is set.
      await expect(put(app, second, ['edge', 'new'], [first.digest])).rejects.toMatchObject(unmet)
      expect(await index.findManifest(app, second.digest)).toBeNull()
      expect((await index.listTags(app, { limit: 9, last: null }))?.json).toBe('["edge"]')
      const either = [second.digest, first.digest]
      expect(await put(app, second, ['edge'], either)).toEqual([{ tag: 'edge', moved: true }])
      expect(await put(app, second, ['edge'], 'present')).toEqual([
        { tag: 'edge', moved: false, refusal: null },
      ])
    })
    it('lets one of many take a tag that is absent', async () => {
      const images = Array.from({ length: 6 }, (_, n) => testImage({ annotations: { n: String(n) } }))
      for (const image of images) await pushImage(app, image)
      const ends = await Promise.allSettled(images.map((image) => put(app, image, ['first'], 'absent')))
      expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    })
    it('tells tags apart by case', async () => {
      const [one, two] = [testImage(), testImage({ annotations: { n: '2' } })]
      await pushImage(app, one, ['RC'])
      await put(app, two, ['rc'])
      expect((await index.findManifest(app, 'RC'))?.digest).toBe(one.digest)
    })
    it('keeps a manifest under the digest it was pushed with', async () => {
      const image = testImage()
      const digest = digestOf(image.bytes, 'sha512')
      await pushImage(app, { ...image, digest }, ['1.0'])
      expect((await index.findManifest(app, '1.0'))?.digest).toBe(digest)
      expect(await index.findManifest(app, image.digest)).toBeNull()
    })
    it('refuses a manifest whose blob is in another repository only, and stores nothing', async () => {
      await pushBlob(app, CONFIG)
      await pushBlob(twin, LAYER)
      const image = testImage()
      await expect(put(app, image, ['1.0'])).rejects.toMatchObject({
        code: 'MANIFEST_BLOB_UNKNOWN',
        detail: expect.objectContaining({ digest: LAYER.digest }),
      } satisfies Partial<FeedError>)
      expect(await index.findManifest(app, image.digest)).toBeNull()
      expect(await index.findManifest(app, '1.0')).toBeNull()
    })
    it('refuses an index whose child is absent, and accepts it with the child', async () => {
      const child = testImage()
      const parent = testIndex([child])
      await expect(put(app, parent)).rejects.toMatchObject({ code: 'MANIFEST_BLOB_UNKNOWN' })
      await pushImage(app, child)
      await put(app, parent, ['multi'])
      expect((await index.findManifest(app, 'multi'))?.digest).toBe(parent.digest)
    })
    it('asks neither for the subject nor for layers that may not be distributed', async () => {
      await pushBlob(app, CONFIG)
      const foreign = testImage({
        layers: [
          {
            mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar',
            digest: MISSING,
            size: 1,
          },
        ],
        subject: { mediaType: OCI_MANIFEST, digest: MISSING, size: 1 },
      })
      await put(app, foreign, ['foreign'])
      expect((await index.findManifest(app, 'foreign'))?.digest).toBe(foreign.digest)
    })
    it('deletes a manifest with every tag on it, at once', async () => {
      const [one, two] = [testImage(), testImage({ annotations: { n: '2' } })]
      await pushImage(app, one, ['a', 'b'])
      await put(app, two, ['c'])
      await pushImage(twin, one, ['a'])
      expect(await index.deleteManifest(app, one.digest, alice)).toBe(true)
      expect(await index.deleteManifest(app, one.digest, alice)).toBe(false)
      expect(await index.findManifest(app, 'a')).toBeNull()
      expect((await index.listTags(app, { limit: 9, last: null }))?.json).toBe('["c"]')
      expect(await index.findManifest(twin, 'a')).not.toBeNull()
    })
    it('can push again what was deleted', async () => {
      const image = testImage()
      await pushImage(app, image, ['a'])
      await index.deleteManifest(app, image.digest, alice)
      expect(await put(app, image, ['a'])).toEqual([{ tag: 'a', moved: true }])
      expect((await index.findManifest(app, 'a'))?.digest).toBe(image.digest)
    })
    it('deletes a tag and leaves its manifest', async () => {
      const image = testImage()
      await pushImage(app, image, ['a'])
      expect(await index.deleteTag(app, 'a', alice)).toBe(true)
      expect(await index.deleteTag(app, 'a', alice)).toBe(false)
      expect(await index.findManifest(app, image.digest)).not.toBeNull()
    })
  })
}
