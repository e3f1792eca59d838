import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { OCI_CONFIG, OCI_MANIFEST } from '../descriptor.ts'
import { closeEnds, copyBetween, open, openEnds, sentTo, verifyAt } from '../testdata/copy.ts'
import { storeBlob, storeImage, storeIndex, storeManifest } from '../testdata/image.ts'
import { coded, fail, type FakeRegistry, fakeRegistry, sha256 } from '../testdata/registry.ts'
import { copyGraph, type CopyOptions } from './copy.ts'
import { memoryJournal } from './journal.ts'
import { verifyGraph } from './verify.ts'

let from: FakeRegistry
let to: FakeRegistry
beforeEach(async () => {
  ;[from, to] = await openEnds()
})
afterEach(() => closeEnds(from, to))

const copy = (root: { digest: string; mediaType: string }, more: Partial<CopyOptions> = {}) =>
  copyBetween(from, to, root, more)
const verify = (root: { digest: string; mediaType: string }) => verifyAt(to, root)
const sent = (method: string, part: string) => sentTo(to, method, part)

test('an index with its children arrives verbatim, root last, and is there when read again', async () => {
  const amd = storeImage(from, 'team/app', [100_000, 0, 5])
  const arm = storeImage(from, 'team/app', [70_000])
  const root = storeIndex(from, 'team/app', [amd, arm])
  const progress: { bytes: number; totalBytes: number; blobs: number; totalBlobs: number }[] = []
  const result = await copy(root, { onProgress: (now) => progress.push(now) })
  expect(result).toMatchObject({
    root: root.digest,
    manifests: 3,
    blobs: { sent: 6, present: 0 },
    resumed: 0,
  })
  expect(to.manifests.get(`prod/app ${root.digest}`)).toEqual(from.manifests.get(`team/app ${root.digest}`))
  expect(sent('PUT', '/manifests/').at(-1)).toContain(root.digest)
  expect(progress.at(-1)).toEqual({ bytes: 170_133, totalBytes: 170_133, blobs: 6, totalBlobs: 6 })
  expect(await verify(root)).toEqual({ root: root.digest, manifests: 3, blobs: 6, bytes: 170_133 })
})

test('what is there is not sent again, by the journal not even asked for', async () => {
  const root = storeImage(from, 'team/app', [50_000, 60_000])
  const journal = memoryJournal()
  await copy(root, { journal })
  to.log.length = 0
  expect(await copy(root)).toMatchObject({
    blobs: { sent: 0, present: 3 },
    bytes: { sent: 0, saved: 110_064 },
  })
  expect(sent('POST', '')).toEqual([])
  to.log.length = 0
  await copy(root, { journal })
  expect(sent('HEAD', '')).toEqual([])
})

test('a killed copier goes on without the finished blobs', async () => {
  const root = storeImage(from, 'team/app', [80_000, 60_000, 40_000])
  const journal = memoryJournal()
  const dies = {
    ...journal,
    done: (blob: { digest: string; size: number }) => {
      if (blob.size === 40_000) throw new Error('killed')
      return journal.done(blob)
    },
  }
  await expect(copy(root, { journal: dies, concurrency: 1 })).rejects.toThrow('killed')
  expect([...to.manifests]).toEqual([])
  const after = await copy(root, { journal })
  // The third had arrived but was not recorded: HEAD finds it.
  expect(after.blobs).toMatchObject({ sent: 1, present: 3 })
})

test('two repositories of one registry: mounted, no byte moved; also where another copy brought it', async () => {
  to = from
  const root = storeImage(from, 'team/app', [50_000])
  const registry = open(from)
  const source = registry.repository('team/app')
  const result = await copyGraph({ source, destination: registry.repository('prod/app', 'pull,push'), root })
  expect(result.blobs).toMatchObject({ mounted: 2, sent: 0 })
  to = await fakeRegistry()
  const remote = open(to)
  for (const name of ['a', 'b']) {
    const done = await copyGraph({ source, destination: remote.repository(name, 'pull,push'), root })
    expect(done.blobs).toMatchObject(name === 'a' ? { sent: 2 } : { mounted: 2, sent: 0 })
  }
})

test('a refused mount falls back to an upload', async () => {
  to = from
  const root = storeImage(from, 'team/app', [5000])
  from.intercept = (request, response) =>
    request.url?.includes('mount=') === true && fail(response, 403, 'DENIED')
  const registry = open(from)
  const destination = registry.repository('prod/app', 'pull,push')
  const result = await copyGraph({ source: registry.repository('team/app'), destination, root })
  expect(result.blobs).toMatchObject({ mounted: 0, sent: 2 })
})

test('cancelled while bytes flow', async () => {
  const root = storeImage(from, 'team/app', [400_000])
  const stop = new AbortController()
  to.intercept = (request) => {
    if (request.method !== 'PUT') return false
    void once(request, 'data').then(() => stop.abort())
    return true
  }
  await expect(copy(root, { signal: stop.signal })).rejects.toEqual(coded('cancelled'))
  expect(to.manifests.size).toBe(0)
})

test('foreign layers are never fetched', async () => {
  const config = storeBlob(from, 'team/app', Buffer.from('{}'), OCI_CONFIG)
  const elsewhere = await fakeRegistry()
  const foreign = {
    mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
    digest: sha256(Buffer.from('windows')),
    size: 7,
    urls: [`${elsewhere.url}/layer`],
  }
  const root = storeManifest(from, 'team/app', OCI_MANIFEST, { config, layers: [foreign] })
  to.intercept = (request, response) => {
    if (request.method !== 'PUT' || !request.url?.includes('/manifests/')) return false
    request.resume()
    response.writeHead(201, { location: '/' }).end()
    return true
  }
  expect((await copy(root)).blobs).toMatchObject({ sent: 1, foreign: 1 })
  expect(elsewhere.log).toEqual([])
  expect([...from.log, ...to.log].filter((line) => line.includes(foreign.digest))).toEqual([])
  await elsewhere.close()
})

test('verify finds what the destination lost or damaged afterwards', async () => {
  const root = storeImage(from, 'team/app', [10_000])
  await copy(root)
  const key = `prod/app ${root.layers[0]?.digest}`
  to.blobs.set(key, randomBytes(10_000))
  await expect(verify(root)).rejects.toEqual(coded('wrong_digest'))
  to.blobs.delete(key)
  await expect(verify(root)).rejects.toEqual(coded('not_found'))
  const registry = open(to).repository('prod/app')
  await expect(verifyGraph({ registry, root, blobs: 'size' })).rejects.toEqual(coded('not_found'))
})

test.each([true, false])(
  'referrers of the index and of each child come along, recursively; API there: %s',
  async (api) => {
    to.referrersApi = api
    const child = storeImage(from, 'team/app', [10])
    const root = storeIndex(from, 'team/app', [child])
    const subject = ({ mediaType, digest, size }: typeof root) => ({ mediaType, digest, size })
    const sbom = storeImage(from, 'team/app', [20], {
      subject: subject(child),
      artifactType: 'application/spdx+json',
    })
    const signature = storeImage(from, 'team/app', [30], {
      subject: subject(sbom),
      artifactType: 'application/sig',
    })
    const unwanted = storeImage(from, 'team/app', [30], {
      subject: subject(root),
      artifactType: 'application/other',
    })
    const legacyTag = `${root.digest.replace(':', '-')}.sig`
    const legacy = storeImage(from, 'team/app', [40], {}, legacyTag)
    const result = await copy(root, { referrers: ({ artifactType }) => artifactType !== 'application/other' })
    const found = result.referrers.map(({ digest }) => digest).sort()
    expect(found).toEqual([sbom.digest, signature.digest, legacy.digest].sort())
    expect(to.manifests.has(`prod/app ${unwanted.digest}`)).toBe(false)
    expect(to.manifests.has(`prod/app ${legacyTag}`)).toBe(true)
    const listed = await open(to).repository('prod/app').referrers(child.digest)
    expect(listed).toMatchObject([{ digest: sbom.digest, artifactType: 'application/spdx+json' }])
  },
)

test('an image of many layers holds no more than a few at a time', async () => {
  const root = storeImage(
    from,
    'team/app',
    Array.from({ length: 40 }, (_, i) => 1000 + i),
  )
  let running = 0
  let most = 0
  to.intercept = (_, response) => {
    most = Math.max(most, ++running)
    response.once('close', () => running--)
    return false
  }
  await copy(root, { concurrency: 3 })
  expect(most).toBeLessThanOrEqual(3)
})
