import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RegistryErrorCode } from '../client/errors.ts'
import { closeEnds, copyBetween, openEnds, sentTo, verifyAt } from '../testdata/copy.ts'
import { storeImage } from '../testdata/image.ts'
import { coded, fail, type FakeRegistry, fakeRegistry } from '../testdata/registry.ts'
import type { CopyOptions } from './copy.ts'

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
