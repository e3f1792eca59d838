import { OCI_CONFIG } from '@sluice/oci'
import { beforeEach, describe, expect, it } from 'vitest'
import { tagListing } from './paging.ts'
import { CONFIG, LAYER, linkTo, testImage, testIndex, testReferrer } from './test-images.ts'
import { manifestContract } from './test-index-manifests.ts'
import { uploadContract } from './test-index-uploads.ts'
import { type IndexUnderTest, MISSING, newKey, openIndex, type OpenIndex } from './test-index.ts'

export { cachedContentContract } from './proxy/contract-test.ts'
export { blobStorageContract } from './storage/contract-test.ts'
export type { IndexUnderTest } from './test-index.ts'

/** What every `FeedIndex` must do, stated once: run over the one in memory and the one on Postgres. */
export function feedIndexContract(name: string, make: () => Promise<IndexUnderTest>): void {
  describe(`FeedIndex contract: ${name}`, () => {
    let opened: OpenIndex
    let under: OpenIndex['under']
    let index: OpenIndex['index']
    let feed: OpenIndex['feed']
    let app: OpenIndex['app']
    let twin: OpenIndex['twin']
    let abroad: OpenIndex['abroad']
    let alice: OpenIndex['alice']
    let pushBlob: OpenIndex['pushBlob']
    let put: OpenIndex['put']
    let pushImage: OpenIndex['pushImage']

    beforeEach(async () => {
      opened = await openIndex(make)
      ;({ under, index, feed, app, twin, abroad, alice, pushBlob, put, pushImage } = opened)
    })
    describe('feeds', () => {
      it('finds a feed by its former name, under its current one', async () => {
        expect(await index.findFeed(under.formerName)).toEqual(feed)
        expect(feed).toMatchObject({ name: under.feedName, trusted: false })
      })
      it('has no feed by another name', async () => {
        expect(await index.findFeed('no-such-feed')).toBeNull()
      })
    })

    describe('blobs', () => {
      it('links a finished upload to its repository alone', async () => {
        const { storageKey, superfluous } = await pushBlob(app, LAYER)
        expect(superfluous).toBeNull()
        expect(await index.findBlob(app, LAYER.digest)).toEqual({
          digest: LAYER.digest,
          size: LAYER.size,
          storageKey,
        })
        expect(await index.findBlob(twin, LAYER.digest)).toBeNull()
        expect(await index.findBlob(abroad, LAYER.digest)).toBeNull()
      })
      it('keeps one copy of bytes that come twice and names the other as superfluous', async () => {
        const first = await pushBlob(app, LAYER)
        const second = await pushBlob(twin, LAYER)
        expect(second.superfluous).toBe(second.storageKey)
        expect((await index.findBlob(twin, LAYER.digest))?.storageKey).toBe(first.storageKey)
      })
      it('keeps a zero-byte blob', async () => {
        const empty = { ...LAYER, size: 0 }
        await pushBlob(app, empty)
        expect((await index.findBlob(app, empty.digest))?.size).toBe(0)
      })
      it('mounts from the named repository only', async () => {
        await pushBlob(app, LAYER)
        expect(await index.mountBlob(abroad, LAYER.digest, { kind: 'repository', address: twin })).toBe(false)
        expect(await index.findBlob(abroad, LAYER.digest)).toBeNull()
        expect(await index.mountBlob(abroad, LAYER.digest, { kind: 'repository', address: app })).toBe(true)
        expect((await index.findBlob(abroad, LAYER.digest))?.size).toBe(LAYER.size)
      })
      it('mounts from anywhere within the feeds given', async () => {
        await pushBlob(app, LAYER)
        const anywhere = (feedIds: string[]) => ({ kind: 'anywhere' as const, feedIds })
        expect(await index.mountBlob(abroad, LAYER.digest, anywhere([]))).toBe(false)
        expect(await index.mountBlob(abroad, LAYER.digest, anywhere([abroad.feed.id]))).toBe(false)
        expect(await index.mountBlob(abroad, LAYER.digest, anywhere([abroad.feed.id, feed.id]))).toBe(true)
        expect(await index.mountBlob(twin, MISSING, anywhere([feed.id]))).toBe(false)
      })
      it('hides a quarantined blob everywhere until it is uploaded again', async () => {
        const first = await pushBlob(app, LAYER)
        await pushBlob(twin, LAYER)
        const blob = { digest: LAYER.digest, size: LAYER.size, storageKey: first.storageKey }
        await index.quarantineBlob({ ...blob, storageKey: newKey() })
        expect(await index.findBlob(app, LAYER.digest)).not.toBeNull()
        await index.quarantineBlob(blob)
        expect(await index.findBlob(app, LAYER.digest)).toBeNull()
        expect(await index.findBlob(twin, LAYER.digest)).toBeNull()
        expect(await index.mountBlob(abroad, LAYER.digest, { kind: 'repository', address: app })).toBe(false)
        await pushBlob(app, CONFIG)
        await expect(put(app, testImage())).rejects.toMatchObject({ code: 'MANIFEST_BLOB_UNKNOWN' })
        const second = await pushBlob(twin, LAYER)
        expect(second.superfluous).toBe(first.storageKey)
        for (const address of [app, twin]) {
          expect((await index.findBlob(address, LAYER.digest))?.storageKey).toBe(second.storageKey)
        }
      })
      it('deletes from one repository and leaves the others', async () => {
        await pushBlob(app, LAYER)
        await pushBlob(twin, LAYER)
        expect(await index.deleteBlob(app, LAYER.digest)).toBe(true)
        expect(await index.deleteBlob(app, LAYER.digest)).toBe(false)
        expect(await index.findBlob(app, LAYER.digest)).toBeNull()
        expect(await index.findBlob(twin, LAYER.digest)).not.toBeNull()
      })
    })

    manifestContract(() => opened)

    describe('listings', () => {
      it('lists tags in ASCII order by pages', async () => {
        await pushImage(app, testImage(), ['b', 'B', 'a-1', 'a.1', '_x', '1.10', '1.9'])
        const all = ['1.10', '1.9', 'B', '_x', 'a-1', 'a.1', 'b']
        const page = (limit: number, last: string | null) => index.listTags(app, { limit, last })
        const whole = (names: string[], more: boolean) => tagListing({ names, more })
        expect(await page(100, null)).toEqual(whole(all, false))
        expect(await page(3, null)).toEqual(whole(all.slice(0, 3), true))
        expect(await page(3, 'B')).toEqual(whole(all.slice(3, 6), true))
        expect(await page(3, 'a-1')).toEqual(whole(['a.1', 'b'], false))
        expect(await page(7, null)).toEqual(whole(all, false))
        expect(await page(2, 'C')).toEqual(whole(['_x', 'a-1'], true))
        expect(await page(1, 'C')).toEqual(whole(['_x'], true))
        expect(await page(0, null)).toEqual(whole([], true))
      })
      it('knows no tags of a repository that never was, and none of one without', async () => {
        expect(await index.listTags(app, { limit: 9, last: null })).toBeNull()
        await pushBlob(app, LAYER)
        expect(await index.listTags(app, { limit: 9, last: null })).toEqual({
          json: '[]',
          last: null,
          more: false,
        })
      })
      it('lists repositories of the feeds given by feed/repository', async () => {
        for (const address of [twin, app, abroad]) await pushBlob(address, LAYER)
        const names = [app, twin].map(({ repository }) => `${under.feedName}/${repository}`)
        const list = (feedIds: string[], limit = 9, last: string | null = null) =>
          index.listRepositories(feedIds, { limit, last })
        expect(await list([])).toEqual({ names: [], more: false })
        expect(await list([feed.id])).toEqual({ names, more: false })
        expect(await list([feed.id], 1)).toEqual({ names: names.slice(0, 1), more: true })
        expect(await list([feed.id], 1, names[0])).toEqual({ names: names.slice(1), more: false })
        const both = await list([feed.id, abroad.feed.id])
        expect(both.names).toEqual([...names, `${under.otherFeedName}/team/app`].sort())
      })
    })

    describe('referrers', () => {
      it('lists them by digest, with type and annotations, in this repository alone', async () => {
        const subject = testImage()
        await pushImage(app, subject)
        const referrers = ['sbom', 'scan', 'scan'].map((type, n) =>
          testReferrer(subject, `application/${type}`, `n${n}`),
        )
        for (const referrer of referrers) await put(app, referrer)
        const sorted = [...referrers].sort((a, b) => (a.digest < b.digest ? -1 : 1))
        const list = (artifactType: string | null, limit = 9, afterDigest: string | null = null) =>
          index.listReferrers(app, subject.digest, { artifactType, limit, afterDigest })

        const all = await list(null)
        expect(all.more).toBe(false)
        expect(all.descriptors.map(({ digest }) => digest)).toEqual(sorted.map(({ digest }) => digest))
        expect(all.descriptors.find(({ digest }) => digest === referrers[0]?.digest)).toEqual({
          mediaType: referrers[0]?.mediaType,
          digest: referrers[0]?.digest,
          size: referrers[0]?.size,
          artifactType: 'application/sbom',
          annotations: { note: 'n0' },
        })
        expect((await list('application/scan')).descriptors).toHaveLength(2)
        expect((await list('application/none')).descriptors).toEqual([])
        const first = await list(null, 2)
        expect([first.descriptors.length, first.more]).toEqual([2, true])
        const rest = await list(null, 2, first.descriptors[1]?.digest)
        expect([rest.descriptors.length, rest.more]).toEqual([1, false])
        const any = { artifactType: null, limit: 9, afterDigest: null }
        expect((await index.listReferrers(twin, subject.digest, any)).descriptors).toEqual([])
      })
      it('gives an image without a type its config’s, an index none; forgets what was deleted', async () => {
        const subject = testImage()
        await pushImage(app, subject)
        const image = testImage({ subject: linkTo(subject), annotations: { a: 'b' } })
        const list = testIndex([subject], { subject: linkTo(subject) })
        await put(app, image)
        await put(app, list)
        const query = { artifactType: null, limit: 9, afterDigest: null }
        const { descriptors } = await index.listReferrers(app, subject.digest, query)
        const byDigest = new Map(descriptors.map((descriptor) => [descriptor.digest, descriptor]))
        expect(byDigest.get(image.digest)?.artifactType).toBe(OCI_CONFIG)
        expect(byDigest.get(list.digest)).toEqual(linkTo(list))
        await index.deleteManifest(app, image.digest, alice)
        const left = await index.listReferrers(app, subject.digest, query)
        expect(left.descriptors.map(({ digest }) => digest)).toEqual([list.digest])
      })
    })

    uploadContract(() => opened)
  })
}
