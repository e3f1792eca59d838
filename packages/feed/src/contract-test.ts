import { randomUUID } from 'node:crypto'
import { digestOf, OCI_CONFIG, OCI_MANIFEST, parseManifest } from '@sluice/oci'
import { beforeEach, describe, expect, it } from 'vitest'
import type { FeedError } from './errors.ts'
import type { Feed, FeedIndex, RepositoryAddress, TagCondition } from './ports.ts'
import {
  CONFIG,
  LAYER,
  linkTo,
  type TestBlob,
  type TestManifest,
  testImage,
  testIndex,
  testReferrer,
} from './test-images.ts'

export { cachedContentContract } from './proxy/contract-test.ts'
export { blobStorageContract } from './storage/contract-test.ts'

/** An empty index with two untrusted hosted feeds, without tag rules, and two principals. */
export interface IndexUnderTest {
  readonly index: FeedIndex
  /** The current name of the first feed, and one it had before. */
  readonly feedName: string
  readonly formerName: string
  readonly otherFeedName: string
  readonly principals: readonly [string, string]
}

const LEASE = 60_000
const MISSING = `sha256:${'0'.repeat(64)}`

/** What every `FeedIndex` must do, stated once: run over the one in memory and the one on Postgres. */
export function feedIndexContract(name: string, make: () => Promise<IndexUnderTest>): void {
  describe(`FeedIndex contract: ${name}`, () => {
    let under: IndexUnderTest
    let index: FeedIndex
    let feed: Feed
    let app: RepositoryAddress
    let twin: RepositoryAddress
    let abroad: RepositoryAddress
    let alice: string
    let bob: string
    let keys = 0

    const newKey = () => `blobs/aa/bb/${String(++keys).padStart(8, '0')}-0000-4000-8000-000000000000`

    const pushBlob = async (address: RepositoryAddress, { digest, size }: TestBlob) => {
      const storageKey = newKey()
      const upload = await index.openUpload(address, storageKey, alice)
      const claim = await index.claimUpload(upload.id, 0, LEASE)
      if (claim === null) throw new Error('a fresh upload could not be claimed')
      const { superfluous } = await index.finishUpload(claim, { digest, size, storageKey })
      return { storageKey, superfluous }
    }
    const put = (
      address: RepositoryAddress,
      { bytes, mediaType, digest }: TestManifest,
      tags: string[] = [],
      condition?: TagCondition,
    ) =>
      index.putManifest({
        address,
        manifest: parseManifest(bytes, mediaType),
        digest,
        tags,
        principalId: alice,
        ...(condition !== undefined && { condition }),
      })
    const pushImage = async (address: RepositoryAddress, image: TestManifest, tags: string[] = []) => {
      await pushBlob(address, CONFIG)
      await pushBlob(address, LAYER)
      return await put(address, image, tags)
    }

    beforeEach(async () => {
      under = await make()
      index = under.index
      ;[alice, bob] = under.principals
      const [first, other] = await Promise.all([
        index.findFeed(under.feedName),
        index.findFeed(under.otherFeedName),
      ])
      if (first === null || other === null) throw new Error('the feeds under test are not there')
      feed = first
      app = { feed, repository: 'team/app' }
      twin = { feed, repository: 'team/twin' }
      abroad = { feed: other, repository: 'team/app' }
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

    describe('manifests and tags', () => {
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
        expect((await index.listTags(app, { limit: 9, last: null }))?.names).toEqual(['edge'])
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
        expect((await index.listTags(app, { limit: 9, last: null }))?.names).toEqual(['c'])
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

    describe('listings', () => {
      it('lists tags in ASCII order by pages', async () => {
        await pushImage(app, testImage(), ['b', 'B', 'a-1', 'a.1', '_x', '1.10', '1.9'])
        const all = ['1.10', '1.9', 'B', '_x', 'a-1', 'a.1', 'b']
        const page = (limit: number, last: string | null) => index.listTags(app, { limit, last })
        expect(await page(100, null)).toEqual({ names: all, more: false })
        expect(await page(3, null)).toEqual({ names: all.slice(0, 3), more: true })
        expect(await page(3, 'B')).toEqual({ names: all.slice(3, 6), more: true })
        expect(await page(3, 'a-1')).toEqual({ names: ['a.1', 'b'], more: false })
        expect(await page(7, null)).toEqual({ names: all, more: false })
        expect(await page(2, 'C')).toEqual({ names: ['_x', 'a-1'], more: true })
        expect((await page(0, null))?.names).toEqual([])
      })
      it('knows no tags of a repository that never was, and none of one without', async () => {
        expect(await index.listTags(app, { limit: 9, last: null })).toBeNull()
        await pushBlob(app, LAYER)
        expect(await index.listTags(app, { limit: 9, last: null })).toEqual({ names: [], more: false })
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

    describe('uploads', () => {
      it('is found by its principal in its repository alone', async () => {
        const upload = await index.openUpload(app, newKey(), alice)
        expect(upload.offset).toBe(0)
        expect(await index.findUpload(app, upload.id, alice)).toEqual(upload)
        expect(await index.findUpload(app, upload.id, bob)).toBeNull()
        expect(await index.findUpload(twin, upload.id, alice)).toBeNull()
        expect(await index.findUpload(abroad, upload.id, alice)).toBeNull()
      })
      it('has one writer at a time, at the right offset', async () => {
        const { id } = await index.openUpload(app, newKey(), alice)
        expect(await index.claimUpload(id, 5, LEASE)).toBeNull()
        const claims = await Promise.all(Array.from({ length: 5 }, () => index.claimUpload(id, 0, LEASE)))
        const [held, ...others] = claims.filter((claim) => claim !== null)
        if (held === undefined) throw new Error('nobody got the claim')
        expect(others).toEqual([])
        expect(await index.advanceUpload(held, 5)).toBe(true)
        expect(await index.advanceUpload(held, 9)).toBe(false)
        expect((await index.findUpload(app, id, alice))?.offset).toBe(5)
        expect(await index.claimUpload(id, 0, LEASE)).toBeNull()
        expect(await index.claimUpload(id, 5, LEASE)).not.toBeNull()
      })
      it('keeps what the bytes so far hash to, until the offset moves on without it', async () => {
        const { id } = await index.openUpload(app, newKey(), alice)
        const hashed = { digest: LAYER.digest, by: randomUUID() }
        const steps = [
          { to: 5, with: hashed, kept: hashed },
          { to: 5, with: null, kept: hashed },
          { to: 9, with: null, kept: null },
        ]
        for (const step of steps) {
          const offset = (await index.findUpload(app, id, alice))?.offset ?? -1
          const claim = await index.claimUpload(id, offset, LEASE)
          expect(claim && (await index.advanceUpload(claim, step.to, step.with))).toBe(true)
          expect((await index.findUpload(app, id, alice))?.hashed).toEqual(step.kept)
        }
      })
      it('passes to another writer when the lease is over, and fences the late one', async () => {
        const storageKey = newKey()
        const { id } = await index.openUpload(app, storageKey, alice)
        const late = await index.claimUpload(id, 0, 0)
        const next = await index.claimUpload(id, 0, LEASE)
        if (late === null || next === null) throw new Error('an expired lease still holds')
        expect(await index.renewUpload(late, LEASE)).toBe(false)
        expect(await index.advanceUpload(late, 7)).toBe(false)
        const blob = { digest: LAYER.digest, size: LAYER.size, storageKey }
        await expect(index.finishUpload(late, blob)).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' })
        expect(await index.findBlob(app, LAYER.digest)).toBeNull()
        expect(await index.renewUpload(next, LEASE)).toBe(true)
        expect(await index.finishUpload(next, blob)).toEqual({ superfluous: null })
      })
      it('ends with its blob', async () => {
        const { id } = await index.openUpload(app, newKey(), alice)
        const claim = await index.claimUpload(id, 0, LEASE)
        if (claim === null) throw new Error('a fresh upload could not be claimed')
        await index.finishUpload(claim, { digest: LAYER.digest, size: LAYER.size, storageKey: newKey() })
        expect(await index.findUpload(app, id, alice)).toBeNull()
        expect(await index.claimUpload(id, 0, LEASE)).toBeNull()
        await expect(
          index.finishUpload(claim, { digest: CONFIG.digest, size: CONFIG.size, storageKey: newKey() }),
        ).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' })
      })
      it('is cancelled by its principal alone, also under a writer', async () => {
        const storageKey = newKey()
        const { id } = await index.openUpload(app, storageKey, alice)
        const claim = await index.claimUpload(id, 0, LEASE)
        expect(await index.cancelUpload(app, id, bob)).toBeNull()
        expect(await index.cancelUpload(twin, id, alice)).toBeNull()
        expect(await index.cancelUpload(app, id, alice)).toBe(storageKey)
        expect(await index.cancelUpload(app, id, alice)).toBeNull()
        expect(await index.findUpload(app, id, alice)).toBeNull()
        expect(claim && (await index.advanceUpload(claim, 3))).toBe(false)
      })
    })
  })
}
