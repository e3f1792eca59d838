import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { digestOf } from '@sluice/oci'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { BlobStorage } from '../ports.ts'
import { folderStorage, memoryStorage } from '../storage/index.ts'
import { CONFIG, LAYER, testBlob, testImage, testIndex, testReferrer } from '../test-images.ts'
import { pushBlob, pushImage, putManifest } from '../test-push.ts'
import { startTestProxy, type TestProxy } from './test-proxy.ts'

const IMAGE = testImage({ annotations: { n: '1' } })
const NEXT = testImage({ annotations: { n: '2' } })
const BIG = testBlob(Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 7) % 251)))
const EMPTY = testBlob('')
const THERE = 'dev/library/app'
const MISSING = `sha256:${'0'.repeat(64)}`

let world: TestProxy
beforeEach(async () => {
  world = await startTestProxy()
  await pushImage(world.upstream, THERE, IMAGE, 'v1')
  for (const blob of [BIG, EMPTY]) await pushBlob(world.upstream, THERE, blob)
})
afterEach(() => world[Symbol.asyncDispose]())

const ask = (method: string, path: string, headers: Record<string, string> = {}) =>
  world.proxy.ask(method, `/v2/hub/app/${path}`, { headers })
const asked = (method: string, part: string): number =>
  world.way.log.filter((line) => line.startsWith(`${method} `) && line.includes(part)).length
async function keysOf(storage: BlobStorage): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of storage.list()) keys.push(key)
  return keys
}
/** Nothing comes through any more. */
const kill = () => world.way.add({ path: /./, fault: { kind: 'hold-request', until: new Promise(() => {}) } })
const away = (status: number, headers = {}) =>
  world.way.add({ path: /./, fault: { kind: 'status', status, headers } })

describe('a manifest by tag', () => {
  it('is asked about with every pull, and fetched when it changed', async () => {
    for (const method of ['GET', 'HEAD', 'GET']) {
      const { status, headers, bytes } = await ask(method, 'manifests/v1')
      expect([status, headers['docker-content-digest'], headers['content-type'], headers.warning]).toEqual([
        200,
        IMAGE.digest,
        IMAGE.mediaType,
        undefined,
      ])
      expect(bytes.equals(method === 'GET' ? IMAGE.bytes : Buffer.alloc(0))).toBe(true)
    }
    expect([asked('HEAD', 'manifests/v1'), asked('GET', 'manifests/')]).toEqual([3, 1])
    await putManifest(world.upstream, THERE, NEXT, 'v1')
    expect((await ask('GET', 'manifests/v1')).headers['docker-content-digest']).toBe(NEXT.digest)
    // By digest it stays what it was.
    expect((await ask('GET', `manifests/${IMAGE.digest}`)).status).toBe(200)
    expect(asked('GET', 'manifests/')).toBe(2)
  })
  it('is asked about once by all who pull it at the same moment', async () => {
    let release = () => {}
    const until = new Promise<void>((resolve) => (release = resolve))
    world.way.add({ method: 'HEAD', path: /manifests/, fault: { kind: 'hold', until } })
    const pulls = Array.from({ length: 20 }, () => ask('GET', 'manifests/v1'))
    await expect.poll(() => asked('HEAD', 'manifests/')).toBe(1)
    release()
    expect(new Set((await Promise.all(pulls)).map(({ status }) => status))).toEqual(new Set([200]))
    expect([asked('HEAD', 'manifests/v1'), asked('GET', 'manifests/')]).toEqual([1, 1])
  })
  it.each([
    ['is silent', () => kill()],
    ['has a fault', () => away(500)],
    ['answers 429', () => away(429, { 'retry-after': '120' })],
    ['answers what is no registry', () => away(418)],
  ])('is what it was while the upstream %s, and the answer says so', async (_, break_) => {
    await ask('GET', 'manifests/v1')
    break_()
    const { status, headers } = await ask('GET', 'manifests/v1')
    expect([status, headers['docker-content-digest']]).toEqual([200, IMAGE.digest])
    expect(headers.warning).toMatch(
      /^299 - "upstream 127\.0\.0\.1:\d+\/dev\/library not reachable since .*, served from cache: /,
    )
    expect(world.contact.get('f-hub')).toMatch(/./)
    world.way.heal()
    expect((await ask('GET', `blobs/${LAYER.digest}`)).status).toBe(200)
    // What answered is asked again at once.
    expect((await ask('GET', 'manifests/v1')).headers.warning).toBeUndefined()
    expect(world.contact.get('f-hub')).toBeNull()
  })
  it('of an upstream that is silent is asked about again after a pause only', async () => {
    await ask('GET', 'manifests/v1')
    kill()
    for (let i = 0; i < 5; i++) expect((await ask('GET', 'manifests/v1')).headers.warning).toBeDefined()
    // Two tries of one question.
    expect(asked('HEAD', 'manifests/v1')).toBe(1 + 2)
  })
  it.each([
    ['is gone upstream', 404, 404, 'MANIFEST_UNKNOWN'],
    ['is refused upstream', 403, 403, 'DENIED'],
    ['needs other credentials upstream', 401, 403, 'DENIED'],
  ])('that %s is not served from the cache', async (_, there, status, code) => {
    await ask('GET', 'manifests/v1')
    away(there)
    const answer = await ask('GET', 'manifests/v1')
    expect([answer.status, answer.code]).toEqual([status, code])
    // What a digest names was given to this feed, and is what it is.
    expect((await ask('GET', `manifests/${IMAGE.digest}`)).status).toBe(200)
  })
  it('that is gone upstream is forgotten: an upstream that fails later brings it not back', async () => {
    await ask('GET', 'manifests/v1')
    away(404)
    await ask('GET', 'manifests/v1')
    world.way.heal()
    kill()
    expect((await ask('GET', 'manifests/v1')).status).toBe(503)
  })
  it('with other bytes than its digest says is not kept', async () => {
    world.way.add({ method: 'GET', path: /manifests/, fault: { kind: 'corrupt', at: 30 } })
    const answer = await ask('GET', 'manifests/v1')
    expect([answer.status, answer.code]).toEqual([502, 'UNKNOWN'])
    world.way.heal()
    kill()
    expect((await ask('GET', `manifests/${IMAGE.digest}`)).status).toBe(503)
  })
})

describe('what was never seen', () => {
  it.each([
    ['a tag', 'manifests/v1'],
    ['a manifest', `manifests/${IMAGE.digest}`],
    ['a blob', `blobs/${LAYER.digest}`],
    ['a list of tags', 'tags/list'],
    ['referrers', `referrers/${IMAGE.digest}`],
  ])('%s of an upstream that is away is 503, of one that asks for silence 429', async (_, path) => {
    kill()
    const silent = await ask('GET', path)
    expect([silent.status, silent.code, silent.headers['retry-after']]).toEqual([503, 'UNAVAILABLE', '10'])
    expect(silent.document.errors?.[0]?.message).toMatch(
      /^the upstream 127.* cannot be used, and nothing is kept/,
    )
    world.way.heal()
    away(429, { 'retry-after': '120' })
    const busy = await ask('GET', path)
    expect([busy.status, busy.code, busy.headers['retry-after']]).toEqual([429, 'TOOMANYREQUESTS', '120'])
    expect(world.proxy.failures).toEqual([])
  })
  it.each([
    ['a tag', 'manifests/no-such', 'MANIFEST_UNKNOWN'],
    ['a manifest', `manifests/${MISSING}`, 'MANIFEST_UNKNOWN'],
    ['a blob', `blobs/${MISSING}`, 'BLOB_UNKNOWN'],
  ])('and the upstream has not either, %s is 404', async (_, path, code) => {
    for (const method of ['GET', 'HEAD']) expect((await ask(method, path)).status).toBe(404)
    expect((await ask('GET', path)).code).toBe(code)
  })
})

describe('a blob', () => {
  it.each([
    ['small', LAYER],
    ['of several batches', BIG],
    ['empty', EMPTY],
  ])('comes once, and is kept: %s', async (_, blob) => {
    for (let i = 0; i < 2; i++) {
      const { status, headers, bytes } = await ask('GET', `blobs/${blob.digest}`)
      expect([status, headers['content-length'], headers['docker-content-digest']]).toEqual([
        200,
        String(blob.size),
        blob.digest,
      ])
      expect(bytes.equals(blob.bytes)).toBe(true)
    }
    expect(asked('GET', 'blobs/')).toBe(1)
    kill()
    expect((await ask('GET', `blobs/${blob.digest}`)).bytes.equals(blob.bytes)).toBe(true)
  })
  it('is fetched once by twenty who want it at the same moment', async () => {
    let release = () => {}
    const until = new Promise<void>((resolve) => (release = resolve))
    world.way.add({ method: 'GET', path: /blobs/, fault: { kind: 'hold', until } })
    const pulls = Array.from({ length: 20 }, () => ask('GET', `blobs/${BIG.digest}`))
    await expect.poll(() => asked('GET', 'blobs/')).toBe(1)
    release()
    for (const { status, bytes } of await Promise.all(pulls)) {
      expect([status, digestOf(bytes)]).toEqual([200, BIG.digest])
    }
    expect([asked('HEAD', 'blobs/'), asked('GET', 'blobs/')]).toEqual([1, 1])
  })
  it('that is not here is told of by HEAD, and not fetched', async () => {
    const { status, headers } = await ask('HEAD', `blobs/${BIG.digest}`)
    expect([status, headers['content-length']]).toEqual([200, String(BIG.size)])
    expect(asked('GET', 'blobs/')).toBe(0)
  })
  it.each([
    ['bytes=0-99', 0, 99],
    ['bytes=2999000-', 2_999_000, 2_999_999],
    ['bytes=-500', 2_999_500, 2_999_999],
    ['bytes=100-5000000', 100, 2_999_999],
  ])('that is not here is sent in part: %s', async (range, start, end) => {
    const { status, headers, bytes } = await ask('GET', `blobs/${BIG.digest}`, { range })
    expect([status, headers['content-range']]).toEqual([206, `bytes ${start}-${end}/${BIG.size}`])
    expect(bytes.equals(BIG.bytes.subarray(start, end + 1))).toBe(true)
    expect(world.way.log.some((line) => line.includes('blobs'))).toBe(true)
  })
  it('has no byte beyond its end', async () => {
    const answer = await ask('GET', `blobs/${BIG.digest}`, { range: 'bytes=3000000-' })
    expect([answer.status, answer.headers['content-range']]).toEqual([416, `bytes */${BIG.size}`])
  })
  it('is 304 for who has it', async () => {
    const headers = { 'if-none-match': `"${BIG.digest}"` }
    for (const method of ['GET', 'HEAD'])
      expect((await ask(method, `blobs/${BIG.digest}`, headers)).status).toBe(304)
  })
  it('with wrong bytes cuts the client off, and is not kept', async () => {
    world.way.add({ method: 'GET', path: /blobs/, fault: { kind: 'corrupt', at: 2_500_000 } })
    await expect(ask('GET', `blobs/${BIG.digest}`)).rejects.toThrow()
    world.way.heal()
    expect((await ask('GET', `blobs/${BIG.digest}`)).bytes.equals(BIG.bytes)).toBe(true)
    expect(asked('GET', 'blobs/')).toBe(2)
  })
  it('with wrong bytes, before any was sent, is a 502', async () => {
    world.way.add({ method: 'GET', path: /blobs/, fault: { kind: 'corrupt', at: 3 } })
    expect((await ask('GET', `blobs/${LAYER.digest}`)).status).toBe(502)
    expect(world.failures).toHaveLength(1)
  })
  it.each([
    ['another length', { kind: 'shorten', by: 5 } as const],
    ['an end too early', { kind: 'cut-answer', at: 1_000_000 } as const],
  ])('of %s is not kept', async (_, fault) => {
    world.way.add({ method: 'GET', path: /blobs/, fault })
    const { status } = await ask('GET', `blobs/${BIG.digest}`).catch(() => ({ status: 'cut off' }))
    expect([502, 503, 'cut off']).toContain(status)
    world.way.heal()
    expect((await ask('GET', `blobs/${BIG.digest}`)).bytes.equals(BIG.bytes)).toBe(true)
  })
  it('whose connection breaks once goes on by range', async () => {
    world.way.add({ method: 'GET', path: /blobs/, fault: { kind: 'cut-answer', at: 2_000_000 }, times: 1 })
    expect((await ask('GET', `blobs/${BIG.digest}`)).bytes.equals(BIG.bytes)).toBe(true)
    expect(asked('GET', 'blobs/')).toBe(2)
  })
  it('of another repository of the feed is linked when this one has it upstream, and else is unknown', async () => {
    await ask('GET', `blobs/${BIG.digest}`)
    expect((await world.proxy.ask('GET', `/v2/hub/other/blobs/${BIG.digest}`)).status).toBe(404)
    await pushBlob(world.upstream, 'dev/library/other', BIG)
    const { bytes } = await world.proxy.ask('GET', `/v2/hub/other/blobs/${BIG.digest}`)
    expect(bytes.equals(BIG.bytes)).toBe(true)
    expect(asked('GET', 'blobs/')).toBe(1)
  })
  it('of another feed is fetched in full: what others keep tells nobody anything', async () => {
    await ask('GET', `blobs/${BIG.digest}`)
    await world.proxy.ask('GET', `/v2/spare/app/blobs/${BIG.digest}`)
    expect(asked('GET', 'blobs/')).toBe(2)
  })
})

describe('a client that leaves', () => {
  /** Reads the head and goes. */
  const glance = async (digest: string) => {
    const req = request({
      port: world.proxy.port,
      host: '127.0.0.1',
      path: `/v2/hub/app/blobs/${digest}`,
      headers: { authorization: 'Bearer alice' },
    }).end()
    const [res] = await once(req, 'response')
    await once(res, 'data')
    const closed = once(req, 'close')
    req.destroy()
    await closed
  }
  it('loses nothing where most is there', async () => {
    let release = () => {}
    const until = new Promise<void>((resolve) => (release = resolve))
    world.way.add({ method: 'GET', path: /blobs/, fault: { kind: 'cut-answer', at: 1_600_000 }, times: 1 })
    world.way.add({ method: 'GET', path: /blobs/, fault: { kind: 'hold', until } })
    await glance(BIG.digest)
    release()
    const address = { feed: (await world.proxy.index.findFeed('hub'))!, repository: 'app' }
    await expect.poll(() => world.proxy.index.findBlob(address, BIG.digest)).not.toBeNull()
    expect(asked('GET', 'blobs/')).toBe(2)
  })
  it('ends a fetch that has most before it; the next begins another', async () => {
    const root = await mkdtemp(join(tmpdir(), 'sluice-proxy-'))
    await world[Symbol.asyncDispose]()
    const storage = folderStorage(join(root, 'here'))
    world = await startTestProxy({ storage, there: folderStorage(join(root, 'there')) })
    const huge = testBlob(Buffer.alloc(80 * 1024 * 1024, 'a layer that nobody waits for '))
    await pushBlob(world.upstream, THERE, huge)
    world.way.add({ method: 'GET', path: /blobs/, fault: { kind: 'stall', at: 1_000_000 }, times: 1 })
    await glance(huge.digest)
    // Nothing of it stays.
    await expect.poll(() => keysOf(storage)).toEqual([])
    expect(asked('GET', 'blobs/')).toBe(1)
    const { bytes } = await ask('GET', `blobs/${huge.digest}`)
    expect(digestOf(bytes)).toBe(huge.digest)
    expect(asked('GET', 'blobs/')).toBe(2)
    expect(await keysOf(storage)).toHaveLength(1)
    await rm(root, { recursive: true })
  })
})

describe('a cache that is full', () => {
  it('hands on what it has no room for, and keeps nothing of it', async () => {
    await world[Symbol.asyncDispose]()
    const storage = memoryStorage()
    world = await startTestProxy({ storage, room: 1_000_000 })
    await pushImage(world.upstream, THERE, IMAGE, 'v1')
    await pushBlob(world.upstream, THERE, BIG)
    const pulls = await Promise.all([1, 2, 3].map(() => ask('GET', `blobs/${BIG.digest}`)))
    for (const { bytes } of pulls) expect(bytes.equals(BIG.bytes)).toBe(true)
    await expect.poll(() => keysOf(storage)).toEqual([])
    expect((await ask('GET', `blobs/${LAYER.digest}`)).status).toBe(200)
    expect(await keysOf(storage)).toHaveLength(1)
  })
  it('takes no blob beyond the limit', async () => {
    await world[Symbol.asyncDispose]()
    world = await startTestProxy({ limits: { blobBytes: 1000 } })
    await pushBlob(world.upstream, THERE, BIG)
    const answer = await ask('GET', `blobs/${BIG.digest}`)
    expect([answer.status, answer.code]).toEqual([413, 'SIZE_INVALID'])
    expect(asked('GET', 'blobs/')).toBe(0)
  })
})

describe('lists', () => {
  const SIGNATURE = testReferrer(IMAGE, 'application/vnd.test.signature')
  const SBOM = testReferrer(IMAGE, 'application/vnd.test.sbom')
  beforeEach(async () => {
    for (const referrer of [SIGNATURE, SBOM]) await putManifest(world.upstream, THERE, referrer)
    for (const tag of ['a', 'b', 'c']) await putManifest(world.upstream, THERE, NEXT, tag)
  })
  it('tags are those of the upstream, in pages', async () => {
    const first = await ask('GET', 'tags/list?n=3')
    expect([first.document.tags, first.headers.link]).toEqual([
      ['a', 'b', 'c'],
      '</v2/hub/app/tags/list?n=3&last=c>; rel="next"',
    ])
    expect((await ask('GET', 'tags/list?n=3&last=c')).document.tags).toEqual(['v1'])
    // The second page is of the list that the first one was.
    expect(asked('GET', 'tags/list')).toBe(1)
  })
  it('tags are those that were pulled, while the upstream is away', async () => {
    await ask('GET', 'manifests/v1')
    kill()
    const { document, headers } = await ask('GET', 'tags/list')
    expect([document.tags, headers.warning]).toEqual([['v1'], expect.stringContaining('served from cache')])
  })
  it('of a repository that the upstream has not are 404', async () => {
    expect((await world.proxy.ask('GET', '/v2/hub/no/such/tags/list')).status).toBe(404)
  })
  it.each([
    ['', [SIGNATURE, SBOM]],
    ['?artifactType=application/vnd.test.sbom', [SBOM]],
    ['?artifactType=no', []],
  ])('referrers are those of the upstream: %s', async (query, found) => {
    const { status, document } = await ask('GET', `referrers/${IMAGE.digest}${query}`)
    expect(status).toBe(200)
    expect(document.manifests?.map(({ digest }) => digest)).toEqual(found.map(({ digest }) => digest).sort())
  })
  it('referrers are those that were pulled, while the upstream is away', async () => {
    await ask('GET', `manifests/${IMAGE.digest}`)
    await ask('GET', `manifests/${SBOM.digest}`)
    kill()
    const { document, headers } = await ask('GET', `referrers/${IMAGE.digest}`)
    expect([document.manifests?.map(({ digest }) => digest), headers.warning]).toEqual([
      [SBOM.digest],
      expect.stringContaining('served from cache'),
    ])
  })
})

it('an index comes with its children when they are asked for', async () => {
  const index = testIndex([IMAGE, NEXT])
  await putManifest(world.upstream, THERE, NEXT)
  await putManifest(world.upstream, THERE, index, 'multi')
  expect((await ask('GET', 'manifests/multi')).headers['docker-content-digest']).toBe(index.digest)
  expect(asked('GET', 'manifests/')).toBe(1)
  for (const { digest } of [IMAGE, NEXT]) expect((await ask('GET', `manifests/${digest}`)).status).toBe(200)
  expect((await ask('GET', `blobs/${CONFIG.digest}`)).status).toBe(200)
  expect(world.used).toEqual([index, IMAGE, NEXT].map(({ digest }) => `app@${digest}`))
})

describe('writes', () => {
  it.each([
    ['POST', 'blobs/uploads/'],
    ['PATCH', 'blobs/uploads/00000000-0000-4000-8000-000000000000'],
    ['PUT', `blobs/uploads/00000000-0000-4000-8000-000000000000?digest=${LAYER.digest}`],
    ['DELETE', 'blobs/uploads/00000000-0000-4000-8000-000000000000'],
    ['PUT', 'manifests/v1'],
  ])('%s %s is 405, and names the upstream', async (method, path) => {
    const { status, code, document, headers } = await ask(method, path)
    expect([status, code, headers['allow']]).toEqual([405, 'UNSUPPORTED', 'GET, HEAD, DELETE'])
    expect(document.errors?.[0]?.message).toMatch(
      /is a proxy.*push to 127\.0\.0\.1:\d+\/dev\/library\/app instead/,
    )
  })
  it.each([
    ['who may only pull', 'reader', 405],
    ['the anonymous', null, 401],
  ])('%s is told so too, or asked to sign in', async (_, as, status) => {
    expect((await world.proxy.ask('POST', '/v2/hub/app/blobs/uploads/', { as })).status).toBe(status)
    expect((await world.proxy.ask('DELETE', '/v2/hub/app/manifests/v1', { as })).status).toBe(
      as === null ? 401 : 403,
    )
  })
  it('a blob of a proxy is mounted to no other repository of it by a push', async () => {
    await ask('GET', `blobs/${LAYER.digest}`)
    const path = `/v2/hub/other/blobs/uploads/?mount=${LAYER.digest}&from=hub/app`
    expect((await world.proxy.ask('POST', path)).status).toBe(405)
  })
  it('what is kept may be let go of, and comes again', async () => {
    await ask('GET', 'manifests/v1')
    expect((await ask('DELETE', `manifests/${IMAGE.digest}`)).status).toBe(202)
    expect((await ask('GET', 'manifests/v1')).status).toBe(200)
    expect(asked('GET', 'manifests/')).toBe(2)
  })
  it('nobody pulls without the right to', async () => {
    expect((await world.proxy.ask('GET', '/v2/hub/app/manifests/v1', { as: null })).status).toBe(401)
    expect(world.way.log).toHaveLength(0)
  })
})
