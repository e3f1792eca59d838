import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { digestOf } from '@sluice/oci'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { BlobStorage } from '../ports.ts'
import { folderStorage, memoryStorage } from '../storage/index.ts'
import { LAYER, testBlob } from '../test-images.ts'
import { pushBlob, pushImage } from '../test-push.ts'
import { BIG, EMPTY, IMAGE, startFilledProxy, startTestProxy, type TestProxy, THERE } from './test-proxy.ts'

let world: TestProxy
beforeEach(async () => {
  world = await startFilledProxy()
})
afterEach(() => world[Symbol.asyncDispose]())

const ask: TestProxy['ask'] = (...args) => world.ask(...args)
const asked: TestProxy['asked'] = (...args) => world.asked(...args)
const kill: TestProxy['kill'] = (...args) => world.kill(...args)
async function keysOf(storage: BlobStorage): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of storage.list()) keys.push(key)
  return keys
}

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
    ['an end too early, each time', { kind: 'cut-answer', at: 1_000 } as const],
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
