import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RegistryErrorCode } from '../client/errors.ts'
import type { ClientLimits } from '../client/options.ts'
import { openRegistry, type Registry } from '../client/registry.ts'
import { OCI_CONFIG, OCI_MANIFEST } from '../descriptor.ts'
import { storeBlob, storeImage, storeIndex, storeManifest } from '../testdata/image.ts'
import { fail, type FakeRegistry, fakeRegistry, sha256 } from '../testdata/registry.ts'
import { copyGraph, type CopyOptions } from './copy.ts'
import { memoryJournal } from './journal.ts'
import { verifyGraph } from './verify.ts'

let from: FakeRegistry
let to: FakeRegistry
const opened: Registry[] = []

const limits: Partial<ClientLimits> = {
  headMs: 2000,
  finishMs: 300,
  stallMs: 200,
  attempts: 4,
  firstBackoffMs: 1,
  longestBackoffMs: 5,
  longestRetryAfterMs: 2000,
}

beforeEach(async () => {
  from = await fakeRegistry()
  to = await fakeRegistry()
})

afterEach(async () => {
  for (const registry of opened.splice(0)) registry.close()
  await Promise.all([from.close(), to.close()])
})

function open(at: FakeRegistry): Registry {
  const registry = openRegistry({ baseUrl: at.url, plainHttp: 'loopback', limits })
  opened.push(registry)
  return registry
}

function copy(root: { digest: string; mediaType: string }, more: Partial<CopyOptions> = {}) {
  const source = open(from).repository('team/app')
  const destination = open(to).repository('prod/app', 'pull,push')
  return copyGraph({ source, destination, root, ...more })
}

const verify = (root: { digest: string; mediaType: string }) =>
  verifyGraph({ registry: open(to).repository('prod/app'), root })

const coded = (code: RegistryErrorCode) => expect.objectContaining({ name: 'RegistryError', code })
const sent = (method: string, part: string) =>
  to.log.filter((line) => line.startsWith(method) && line.includes(part))

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

describe('breaks that heal', () => {
  const tenths = Array.from({ length: 10 }, (_, i) => Math.max(1, i * 30_000))
  test.each(tenths)('download cut at byte %i: continued by range into the same upload', async (cut) => {
    const root = storeImage(from, 'team/app', [300_000])
    from.cutDownloads.push(cut)
    await copy(root, { concurrency: 1 })
    expect(
      from.log.filter((line) => line.startsWith('GET') && line.includes(root.layers[0]?.digest ?? '-')),
    ).toHaveLength(2)
    expect(sent('PUT', '/blobs/')).toHaveLength(2)
    await verify(root)
  })

  test.each(tenths)('upload cut at byte %i: continued by PATCH where the registry stopped', async (cut) => {
    const root = storeImage(from, 'team/app', [300_000])
    to.cutUploads.push(cut)
    const result = await copy(root, { concurrency: 1 })
    expect(result.resumed).toBe(1)
    expect(sent('PATCH', '')).toHaveLength(cut === 1 ? 0 : 1)
    await verify(root)
  })

  test('cut again and again, as long as it gets further', async () => {
    const root = storeImage(from, 'team/app', [300_000])
    to.cutUploads.push(...Array.from({ length: 9 }, () => 30_000))
    from.cutDownloads.push(20_000, 20_000, 20_000)
    await copy(root, { concurrency: 1 })
    await verify(root)
  })

  test.each([
    ['500 to the blob', (url: string) => url.includes('/blobs/uploads/'), 500, 3],
    ['503 to the manifest', (url: string) => url.includes('/manifests/'), 503, 3],
    ['429 to everything', () => true, 429, 3],
  ])('%s', async (_, matches, status, times) => {
    const root = storeImage(from, 'team/app', [30_000])
    let left = times
    to.intercept = (request, response) => {
      if (!matches(request.url ?? '') || left-- <= 0) return false
      request.resume()
      return fail(response, status, 'TOOMANYREQUESTS', { 'retry-after': '0' })
    }
    await copy(root)
    await verify(root)
  })

  test('a forgotten upload is begun anew', async () => {
    const root = storeImage(from, 'team/app', [300_000])
    to.cutUploads.push(150_000)
    to.intercept = (request, response) => {
      if (request.method === 'GET' && request.url?.includes('/uploads/'))
        return fail(response, 404, 'BLOB_UPLOAD_UNKNOWN')
      return false
    }
    await copy(root, { concurrency: 1 })
    expect(sent('POST', '/uploads/')).toHaveLength(3)
    await verify(root)
  })

  test('a blob that is said to be there and is not: its parent is refused once, then whole', async () => {
    const root = storeImage(from, 'team/app', [30_000])
    const layer = root.layers[0]
    let lies = true
    to.intercept = (request, response) => {
      if (lies && request.method === 'HEAD' && request.url?.endsWith(layer?.digest ?? '-')) {
        lies = false
        response.writeHead(200, { 'content-length': layer?.size }).end()
        return true
      }
      return false
    }
    await copy(root)
    await verify(root)
  })

  test('a registry without ranges: what was sent is skipped', async () => {
    const root = storeImage(from, 'team/app', [300_000])
    from.cutDownloads.push(100_000)
    from.intercept = (request) => {
      delete request.headers.range
      return false
    }
    await copy(root, { concurrency: 1 })
    await verify(root)
  })
})

describe('faults that do not heal end with nothing under the root, and say why', () => {
  const faults: [string, RegistryErrorCode, (layer: { digest: string; size: number }) => void][] = [
    [
      'wrong bytes of the right length',
      'wrong_digest',
      (layer) => void from.blobs.set(`team/app ${layer.digest}`, randomBytes(layer.size)),
    ],
    [
      'too short',
      'wrong_length',
      (layer) => void from.blobs.set(`team/app ${layer.digest}`, randomBytes(layer.size - 1)),
    ],
    [
      'too long',
      'wrong_length',
      (layer) => void from.blobs.set(`team/app ${layer.digest}`, randomBytes(layer.size + 1)),
    ],
    ['a blob is missing', 'not_found', (layer) => void from.blobs.delete(`team/app ${layer.digest}`)],
    [
      '500 for ever',
      'server_error',
      () => {
        to.intercept = (request, response) => request.method === 'POST' && fail(response, 500, 'UNKNOWN')
      },
    ],
    [
      '429 for ever',
      'rate_limited',
      () => {
        to.intercept = (request, response) =>
          request.method === 'POST' && fail(response, 429, 'TOOMANYREQUESTS')
      },
    ],
    [
      'a Retry-After of an hour',
      'rate_limited',
      () => {
        to.intercept = (request, response) =>
          request.method === 'POST' && fail(response, 429, 'TOOMANYREQUESTS', { 'retry-after': '3600' })
      },
    ],
    [
      'disk full',
      'storage_full',
      () => {
        to.intercept = (request, response) => {
          if (request.method !== 'PUT') return false
          request.resume()
          response
            .writeHead(500)
            .end('{"errors":[{"code":"UNKNOWN","message":"write /data: no space left on device"}]}')
          return true
        }
      },
    ],
    [
      'no right to push',
      'forbidden',
      () => {
        to.intercept = (request, response) => request.method === 'POST' && fail(response, 403, 'DENIED')
      },
    ],
    [
      'unauthorized',
      'unauthorized',
      () => {
        to.intercept = (request, response) => request.method === 'POST' && fail(response, 401, 'UNAUTHORIZED')
      },
    ],
    [
      'a source that trickles',
      'timeout',
      () => {
        from.intercept = (request, response) => {
          if (!request.url?.includes('/blobs/')) return false
          response.writeHead(200).write('x')
          return true
        }
      },
    ],
    [
      'a destination that never reads',
      'timeout',
      () => {
        to.intercept = (request) => request.method === 'PUT'
      },
    ],
    [
      'a location elsewhere',
      'plain_http_refused',
      () => {
        to.intercept = (request, response) => {
          if (request.method !== 'POST') return false
          response.writeHead(202, { location: 'http://registry.example/v2/upload/1' }).end()
          return true
        }
      },
    ],
  ]
  test.each(faults)('%s: %s', async (_, code, breakIt) => {
    const root = storeImage(from, 'team/app', [100_000])
    const layer = root.layers[0]
    if (layer === undefined) throw new Error('no layer')
    breakIt(layer)
    await expect(copy(root)).rejects.toEqual(coded(code))
    expect(to.manifests.size).toBe(0)
    expect(to.blobs.has(`prod/app ${layer.digest}`)).toBe(false)
  })

  test('a wrong digest is not sent to its end, and the upload is given up', async () => {
    const root = storeImage(from, 'team/app', [100_000])
    from.blobs.set(`team/app ${root.layers[0]?.digest}`, randomBytes(100_000))
    await expect(copy(root, { concurrency: 1 })).rejects.toEqual(coded('wrong_digest'))
    expect(sent('DELETE', '/uploads/')).toHaveLength(1)
    expect(to.uploads.size).toBe(0)
  })

  test('nobody listens', async () => {
    const root = storeImage(from, 'team/app', [10])
    await to.close()
    await expect(copy(root)).rejects.toEqual(coded('refused'))
    to = await fakeRegistry()
  })

  test('another closure than the approved one', async () => {
    const root = storeImage(from, 'team/app', [10])
    const closure = [
      {
        digest: root.digest,
        mediaType: root.mediaType,
        size: root.size,
        kind: 'manifest' as const,
        distributable: true,
      },
    ]
    await expect(copy(root, { closure })).rejects.toEqual(coded('closure_differs'))
    expect(sent('PUT', '')).toEqual([])
  })
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
