import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { memoryIndex } from './memory-index.ts'
import type { FeedIndex } from './ports.ts'
import { folderStorage } from './storage/index.ts'
import { testBlob } from './test-images.ts'
import { openSession } from './test-push.ts'
import { FEEDS, startTestServer, type TestServer } from './test-server.ts'

let root: string
let server: TestServer
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'sluice-recovery-'))
  server = await startTestServer({ storage: folderStorage(root) })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await rm(root, { recursive: true })
})

const BLOB = testBlob('abcdefghij')
let repositories = 0
const newName = () => `dev/upload-${++repositories}`
const withDigest = (location: string, digest: string) => `${location}?digest=${digest}`

describe('a broken or contested upload', () => {
  /** Sends the head and `bytes` of a longer PATCH, and waits until the server holds the claim. */
  async function begin(index: FeedIndex, port: number, location: string, bytes: Buffer) {
    const claimed = deferred()
    const claimUpload = index.claimUpload.bind(index)
    index.claimUpload = async (...args) => {
      const claim = await claimUpload(...args)
      claimed.resolve()
      return claim
    }
    const headers = { authorization: 'Bearer alice', 'content-length': 4 * 1024 * 1024 }
    const req = request({ port, method: 'PATCH', path: location, headers })
    req.on('error', () => {})
    req.write(bytes)
    await claimed.promise
    index.claimUpload = claimUpload
    return req
  }

  /** Resolves when the server has recorded where the upload now stands. */
  function advanced(index: FeedIndex): Promise<number> {
    const advanceUpload = index.advanceUpload.bind(index)
    return new Promise((resolve) => {
      index.advanceUpload = async (claim, offset) => {
        const kept = await advanceUpload(claim, offset)
        resolve(offset)
        return kept
      }
    })
  }

  it('keeps what had arrived when the client left, and goes on from there', async () => {
    const index = memoryIndex({ feeds: FEEDS })
    const storage = folderStorage(root)
    const arrived = deferred()
    const append = storage.append.bind(storage)
    storage.append = (key, offset, chunks) =>
      append(
        key,
        offset,
        (async function* () {
          for await (const chunk of chunks) {
            yield chunk
            arrived.resolve()
          }
        })(),
      )
    await using local = await startTestServer({ index, storage })
    const whole = testBlob(Buffer.alloc(4 * 1024 * 1024, 'sluice '))
    const location = await openSession(local, 'dev/app')
    const done = advanced(index)
    const req = await begin(index, local.port, location, whole.bytes.subarray(0, 1_500_000))
    await arrived.promise
    req.destroy()
    const offset = await done
    expect(offset).toBeGreaterThan(0)
    expect(offset).toBeLessThanOrEqual(1_500_000)
    const range = `0-${offset - 1}`
    expect((await local.ask('GET', location)).headers.range).toBe(range)
    const rest = { body: whole.bytes.subarray(offset) }
    expect((await local.ask('PUT', withDigest(location, whole.digest), rest)).status).toBe(201)
    expect((await local.ask('GET', `/v2/dev/app/blobs/${whole.digest}`)).bytes.equals(whole.bytes)).toBe(true)
  })

  it('has exactly one winner', async () => {
    const index = memoryIndex({ feeds: FEEDS })
    await using local = await startTestServer({ index })
    const location = await openSession(local, 'dev/app')
    const body = Buffer.alloc(4 * 1024 * 1024, 'a')
    const req = await begin(index, local.port, location, body.subarray(0, 10))
    for (const method of ['PATCH', 'PUT']) {
      const { status, code } = await local.ask(method, withDigest(location, BLOB.digest), {
        body: BLOB.bytes,
      })
      expect([status, code]).toEqual([416, 'BLOB_UPLOAD_INVALID'])
    }
    req.end(body.subarray(10))
    const [res] = await once(req, 'response')
    res.resume()
    expect([res.statusCode, res.headers.range]).toEqual([202, `0-${body.length - 1}`])
    const { digest } = testBlob(body)
    expect((await local.ask('PUT', withDigest(location, digest))).status).toBe(201)
  })

  it('of many chunks sent at once takes one', async () => {
    const location = await openSession(server, newName())
    const answers = await Promise.all(
      Array.from({ length: 8 }, () =>
        server.ask('PATCH', location, { headers: { 'content-range': '0-9' }, body: BLOB.bytes }),
      ),
    )
    const statuses = answers.map(({ status }) => status)
    expect([statuses.filter((status) => status === 202).length, new Set(statuses)]).toEqual([
      1,
      new Set([202, 416]),
    ])
    expect((await server.ask('PUT', withDigest(location, BLOB.digest))).status).toBe(201)
  })

  it('stops a writer that lost its lease', async () => {
    const index = memoryIndex({ feeds: FEEDS })
    index.renewUpload = async () => false
    await using local = await startTestServer({ index, limits: { leaseMs: 3 } })
    const location = await openSession(local, 'dev/app')
    const req = await begin(index, local.port, location, Buffer.alloc(10))
    const response = once(req, 'response')
    const feeding = setInterval(() => req.write(Buffer.alloc(10)), 1)
    const [res] = await response
    clearInterval(feeding)
    expect(res.statusCode).toBe(416)
    req.destroy()
  })

  it('has the storage turn away a second writer whose lease says otherwise', async () => {
    const index = memoryIndex({ feeds: FEEDS })
    await using local = await startTestServer({ index, limits: { leaseMs: 0 } })
    index.renewUpload = async () => true
    const location = await openSession(local, 'dev/app')
    const req = await begin(index, local.port, location, Buffer.alloc(10))
    const second = await local.ask('PATCH', location, { body: BLOB.bytes })
    expect([second.status, second.code]).toEqual([416, 'BLOB_UPLOAD_INVALID'])
    req.destroy()
  })

  it('lets go of a client that sends nothing more', async () => {
    const index = memoryIndex({ feeds: FEEDS })
    await using local = await startTestServer({ index, limits: { stallMs: 20 } })
    const location = await openSession(local, 'dev/app')
    const done = advanced(index)
    await begin(index, local.port, location, BLOB.bytes)
    expect(await done).toBe(10)
    expect((await local.ask('PUT', withDigest(location, BLOB.digest))).status).toBe(201)
  })

  it('goes on after a restart, hashing what it finds', async () => {
    const index = memoryIndex({ feeds: FEEDS })
    const start = () => startTestServer({ index, storage: folderStorage(root) })
    let location: string
    {
      await using before = await start()
      location = await openSession(before, 'dev/app')
      await before.ask('PATCH', location, { body: 'abcd' })
    }
    await using after = await start()
    expect((await after.ask('GET', location)).headers.range).toBe('0-3')
    expect((await after.ask('PATCH', location, { body: 'efg' })).headers.range).toBe('0-6')
    expect((await after.ask('PUT', withDigest(location, BLOB.digest), { body: 'hij' })).status).toBe(201)
  })

  it('can be closed again when the index failed after the bytes were sealed', async () => {
    const index = memoryIndex({ feeds: FEEDS })
    await using local = await startTestServer({ index, storage: folderStorage(root) })
    const location = await openSession(local, 'dev/app')
    const finishUpload = index.finishUpload.bind(index)
    index.finishUpload = async () => {
      throw new Error('the database went away')
    }
    const failed = await local.ask('PUT', withDigest(location, BLOB.digest), { body: BLOB.bytes })
    expect(failed.status).toBe(500)
    index.finishUpload = finishUpload
    expect((await local.ask('PUT', withDigest(location, BLOB.digest))).status).toBe(201)
    expect((await local.ask('GET', `/v2/dev/app/blobs/${BLOB.digest}`)).bytes).toEqual(BLOB.bytes)
  })

  it('is unknown when the storage lost it', async () => {
    const index = memoryIndex({ feeds: FEEDS })
    const storage = folderStorage(root)
    await using local = await startTestServer({ index, storage })
    const location = await openSession(local, 'dev/app')
    await local.ask('PATCH', location, { body: 'abcd' })
    const feed = await index.findFeed('dev')
    const id = location.slice(location.lastIndexOf('/') + 1)
    const upload = feed && (await index.findUpload({ feed, repository: 'app' }, id, 'alice'))
    await storage.remove(upload?.storageKey ?? '')
    const { status, code } = await local.ask('PATCH', location, { body: 'e' })
    expect([status, code]).toEqual([404, 'BLOB_UPLOAD_UNKNOWN'])
  })
})

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
