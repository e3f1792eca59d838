// oxlint-disable typescript/no-unsafe-type-assertion -- the parts of them that are looked at
import { startFeed } from '@sluice/feed/test-registry'
import { OCI_MANIFEST } from '@sluice/oci'
import type { Late, LateScan } from '@sluice/store'
import { startFlakyProxy } from '@sluice/testkit'
import { expect, test } from 'vitest'
import { bring } from './bring.ts'
import type { Follower } from './referrers.ts'
import { repositoryOf } from './testdata/late.ts'
import { pushWide, TAG } from './testdata/wide.ts'

/** What a scan has found: an artifact with a sha512 digest, under a tag; its target calls that tag by sha256. */
async function find({ intended }: { readonly intended: boolean }) {
  const [from, to] = [await startFeed(), await startFeed()]
  const proxy = await startFlakyProxy(to.url)
  const path = new RegExp(`manifests/${TAG}$`)
  proxy.add({ path, fault: { kind: 'drop-header', name: 'docker-content-digest' } })
  const digest = await pushWide(from)
  const source = repositoryOf(from)
  const target = repositoryOf({ url: proxy.url, prefix: to.prefix })
  const seen: (string | null)[] = []
  const admitted: string[] = []
  const scan = { source: { remote: true }, target: { remote: true, feed: 'trusted' } }
  const late = { digest, tag: TAG, mediaType: OCI_MANIFEST, intended }
  const context = {
    referrers: {
      readManifest: async (wanted: string) => (await source.getManifest(wanted))?.bytes ?? null,
      refuseRecalled: async () => undefined,
      intend: async (_scan: unknown, _late: unknown, { now }: { now: string | null }) => void seen.push(now),
      admit: async (_scan: unknown, { digest: one }: Late) => void admitted.push(one),
    },
    registries: {
      open: async (end: unknown) => ({ repository: end === scan.target ? target : source }),
    },
    tagTimes: { leaseMs: 20_000, timeoutMs: 10_000 },
    signal: new AbortController().signal,
  }
  return {
    digest,
    /** What the target was seen to serve when the tag was about to be set. */
    seen,
    admitted,
    bring: () => bring(scan as LateScan, late as Late, context as unknown as Follower),
    served: () => repositoryOf(to).hashServed(TAG, 'sha512'),
    tagsSent: () => proxy.log.filter((line) => line.startsWith('PUT') && line.includes(`?tag=${TAG}`)).length,
    place: async () => {
      await pushWide(to)
    },
    close: () => Promise.all([proxy.close(), from.stop(), to.stop()]),
  }
}

test('a tag that was set to a sha512 digest is read back by that, whatever a header calls it', async () => {
  const found = await find({ intended: false })
  await found.bring()
  expect(found).toMatchObject({ admitted: [found.digest], seen: [null] })
  expect(await found.served()).toBe(found.digest)
  await found.close()
})

test('one that an earlier scan has set is admitted, and not set again', async () => {
  const found = await find({ intended: true })
  await found.place()
  await found.bring()
  expect(found).toMatchObject({ admitted: [found.digest], seen: [] })
  expect(found.tagsSent()).toBe(0)
  await found.close()
})
