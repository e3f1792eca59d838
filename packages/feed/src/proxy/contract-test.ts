import { parseManifest } from '@sluice/oci'
import { beforeEach, describe, expect, it } from 'vitest'
import type { FeedIndex, RepositoryAddress } from '../ports.ts'
import { CONFIG, LAYER, type TestManifest, testImage } from '../test-images.ts'

/** An index with an empty proxy feed. */
export interface CacheUnderTest {
  readonly index: FeedIndex
  readonly proxyName: string
}

/** What every `FeedIndex` must do for proxy feeds, stated once: run over the one in memory and the one on Postgres. */
export function cachedContentContract(name: string, make: () => Promise<CacheUnderTest>): void {
  describe(`FeedIndex contract, proxy feeds: ${name}`, () => {
    let index: FeedIndex
    let app: RepositoryAddress
    let twin: RepositoryAddress
    let keys = 0
    beforeEach(async () => {
      const under = await make()
      index = under.index
      const feed = await index.findFeed(under.proxyName)
      if (feed === null) throw new Error('the feed under test is not there')
      app = { feed, repository: 'library/app' }
      twin = { feed, repository: 'library/twin' }
    })
    const newKey = () => `blobs/cc/dd/${String(++keys).padStart(8, '0')}-0000-4000-8000-000000000000`
    const [ONE, TWO] = [testImage({ annotations: { n: '1' } }), testImage({ annotations: { n: '2' } })]
    const keep = (
      address: RepositoryAddress,
      { bytes, mediaType, digest }: TestManifest,
      tag: string | null,
    ) => index.keepManifest(address, { digest, manifest: parseManifest(bytes, mediaType), tag })
    const at = async (address: RepositoryAddress, reference: string) =>
      (await index.findManifest(address, reference))?.digest ?? null

    it('keeps a manifest without what it needs, in its repository alone', async () => {
      await keep(app, ONE, 'v1')
      await keep(app, ONE, 'v1')
      expect(await index.findManifest(app, 'v1')).toMatchObject({
        digest: ONE.digest,
        mediaType: ONE.mediaType,
      })
      expect(await at(twin, ONE.digest)).toBeNull()
    })
    it('moves a tag with a manifest that comes, and to one that is here', async () => {
      await keep(app, ONE, 'v1')
      await keep(app, TWO, 'v1')
      expect(await at(app, 'v1')).toBe(TWO.digest)
      expect(await index.keepTag(app, 'v1', ONE.digest)).toBe(true)
      expect(await index.keepTag(app, 'v1', ONE.digest)).toBe(true)
      expect(await index.keepTag(app, 'v2', ONE.digest)).toBe(true)
      expect([await at(app, 'v1'), await at(app, 'v2')]).toEqual([ONE.digest, ONE.digest])
    })
    it('points no tag at what is not here, and tells', async () => {
      await keep(twin, ONE, null)
      expect(await index.keepTag(app, 'v1', ONE.digest)).toBe(false)
      expect(await at(app, 'v1')).toBeNull()
    })
    it('forgets a tag, and keeps what it named', async () => {
      await keep(app, ONE, 'v1')
      await index.forgetTag(app, 'v1')
      await index.forgetTag(app, 'v1')
      await index.forgetTag(twin, 'v1')
      expect([await at(app, 'v1'), await at(app, ONE.digest)]).toEqual([null, ONE.digest])
    })
    it('moves one tag for many who see it move at the same moment', async () => {
      const images = Array.from({ length: 8 }, (_, n) => testImage({ annotations: { n: `many ${n}` } }))
      await Promise.all(images.map((image) => keep(app, image, 'v1')))
      expect(images.map(({ digest }) => digest)).toContain(await at(app, 'v1'))
    })
    it('keeps a blob in its repository alone, and one copy of bytes that come twice', async () => {
      const [first, second] = [newKey(), newKey()]
      const blob = { digest: LAYER.digest, size: LAYER.size }
      expect(await index.keepBlob(app, { ...blob, storageKey: first })).toEqual({
        kept: { ...blob, storageKey: first },
        superfluous: null,
      })
      expect(await index.findBlob(twin, LAYER.digest)).toBeNull()
      expect(await index.keepBlob(twin, { ...blob, storageKey: second })).toEqual({
        kept: { ...blob, storageKey: first },
        superfluous: second,
      })
      expect(await index.findBlob(twin, LAYER.digest)).toMatchObject({ storageKey: first })
    })
    it('heals a damaged blob with the bytes that come anew', async () => {
      const [first, second] = [newKey(), newKey()]
      const blob = { digest: CONFIG.digest, size: CONFIG.size }
      await index.keepBlob(app, { ...blob, storageKey: first })
      await index.quarantineBlob({ ...blob, storageKey: first })
      expect(await index.findBlob(app, CONFIG.digest)).toBeNull()
      expect(await index.keepBlob(app, { ...blob, storageKey: second })).toEqual({
        kept: { ...blob, storageKey: second },
        superfluous: first,
      })
      expect(await index.findBlob(app, CONFIG.digest)).toMatchObject({ storageKey: second })
    })
  })
}
