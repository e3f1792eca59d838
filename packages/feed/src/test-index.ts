import { parseManifest } from '@sluice/oci'
import type { FeedIndex, RepositoryAddress, TagCondition } from './ports.ts'
import { CONFIG, LAYER, type TestBlob, type TestManifest } from './test-images.ts'

/** An empty index with two untrusted hosted feeds, without tag rules, and two principals. */
export interface IndexUnderTest {
  readonly index: FeedIndex
  /** The current name of the first feed, and one it had before. */
  readonly feedName: string
  readonly formerName: string
  readonly otherFeedName: string
  readonly principals: readonly [string, string]
}

export const LEASE = 60_000
export const MISSING = `sha256:${'0'.repeat(64)}`

let keys = 0

export const newKey = () => `blobs/aa/bb/${String(++keys).padStart(8, '0')}-0000-4000-8000-000000000000`

/** Two repositories of one feed and one of another, and pushes to them by alice. */
export async function openIndex(make: () => Promise<IndexUnderTest>) {
  const under = await make()
  const { index, principals } = under
  const [alice, bob] = principals
  const [feed, other] = await Promise.all([
    index.findFeed(under.feedName),
    index.findFeed(under.otherFeedName),
  ])
  if (feed === null || other === null) throw new Error('the feeds under test are not there')
  const app: RepositoryAddress = { feed, repository: 'team/app' }
  const twin: RepositoryAddress = { feed, repository: 'team/twin' }
  const abroad: RepositoryAddress = { feed: other, repository: 'team/app' }
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

  return { under, index, feed, app, twin, abroad, alice, bob, pushBlob, put, pushImage }
}

export type OpenIndex = Awaited<ReturnType<typeof openIndex>>
