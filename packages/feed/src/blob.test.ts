import { EventEmitter, once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FeedError } from './errors.ts'
import { memoryIndex } from './memory-index.ts'
import { folderStorage } from './storage/index.ts'
import { testBlob } from './test-images.ts'
import { pushBlob } from './test-push.ts'
import { authenticate, FEEDS, startTestServer, type TestServer } from './test-server.ts'

const BLOB = testBlob(Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 251)))
const BIG = testBlob(Buffer.alloc(3 * 1024 * 1024 + 7, 'sluice feeds '))
const EMPTY = testBlob('')
const path = ({ digest }: { digest: string }) => `/v2/dev/app/blobs/${digest}`

let root: string
let server: TestServer
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'sluice-blob-'))
  server = await startTestServer({ storage: folderStorage(root) })
  for (const blob of [BLOB, BIG, EMPTY]) await pushBlob(server, 'dev/app', blob)
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await rm(root, { recursive: true })
})

describe('GET and HEAD', () => {
  it.each([
    ['small', BLOB],
    ['of several buffers', BIG],
    ['empty', EMPTY],
  ])('a blob: %s', async (_, blob) => {
    for (const method of ['GET', 'HEAD']) {
      const { status, headers, bytes } = await server.ask(method, path(blob))
      expect(status).toBe(200)
      expect(headers).toMatchObject({
        'content-type': 'application/octet-stream',
        'content-length': String(blob.size),
        'docker-content-digest': blob.digest,
        'accept-ranges': 'bytes',
        etag: `"${blob.digest}"`,
      })
      expect(headers['content-encoding'] ?? headers['transfer-encoding']).toBeUndefined()
      expect(bytes.equals(method === 'GET' ? blob.bytes : Buffer.alloc(0))).toBe(true)
    }
  })
  it('is not compressed, whatever is accepted', async () => {
    const { headers } = await server.ask('GET', path(BIG), { headers: { 'accept-encoding': 'gzip, zstd' } })
    expect(headers['content-encoding']).toBeUndefined()
  })
  it.each([['GET'], ['HEAD']])('%s is 304 for who has it', async (method) => {
    const headers = { 'if-none-match': `"${BLOB.digest}"` }
    const answer = await server.ask(method, path(BLOB), { headers })
    expect([answer.status, answer.bytes.length, answer.headers.etag]).toEqual([304, 0, `"${BLOB.digest}"`])
  })
  it.each([
    ['another repository', `/v2/dev/other/blobs/${BLOB.digest}`],
    ['another digest', `/v2/dev/app/blobs/sha256:${'0'.repeat(64)}`],
    ['another algorithm of the same bytes', path(testBlob(BLOB.bytes, 'sha512'))],
  ])('is 404 under %s', async (_, path) => {
    const { status, code } = await server.ask('GET', path)
    expect([status, code]).toEqual([404, 'BLOB_UNKNOWN'])
  })
})

describe('ranges', () => {
  it.each([
    ['bytes=0-0', 0, 0],
    ['bytes=500-1499', 500, 999],
    ['bytes=500-', 500, 999],
    ['bytes=-500', 500, 999],
    ['bytes=200-299', 200, 299],
  ])('%s is 206', async (range, start, end) => {
    const { status, headers, bytes } = await server.ask('GET', path(BLOB), { headers: { range } })
    expect([status, headers['content-range'], headers['content-length']]).toEqual([
      206,
      `bytes ${start}-${end}/1000`,
      String(end - start + 1),
    ])
    expect(bytes).toEqual(BLOB.bytes.subarray(start, end + 1))
  })
  it.each([['bytes=500-0'], ['bytes=5000-10000'], ['bytes=-0']])('%s is 416', async (range) => {
    const { status, headers } = await server.ask('GET', path(BLOB), { headers: { range } })
    expect([status, headers['content-range']]).toEqual([416, 'bytes */1000'])
  })
  it.each([
    ['bytes=0-1,5-6', {}],
    ['lines=1-2', {}],
    ['bytes=0-1', { 'if-range': '"another"' }],
  ])('%s under %j is the whole', async (range, headers) => {
    const { status, bytes } = await server.ask('GET', path(BLOB), { headers: { range, ...headers } })
    expect([status, bytes.length]).toEqual([200, 1000])
  })
  it('If-Range with the current tag is 206', async () => {
    const headers = { range: 'bytes=0-1', 'if-range': `"${BLOB.digest}"` }
    expect((await server.ask('GET', path(BLOB), { headers })).status).toBe(206)
  })
  it('resumes across buffers', async () => {
    const start = 1024 * 1024 - 3
    const { bytes } = await server.ask('GET', path(BIG), { headers: { range: `bytes=${start}-` } })
    expect(bytes.equals(BIG.bytes.subarray(start))).toBe(true)
  })
})

describe('trouble', () => {
  it('a blob the storage lost is 404 and reported, and the next push brings it back', async () => {
    const missing: string[] = []
    const index = memoryIndex({ feeds: FEEDS })
    const storage = folderStorage(root)
    const events = { blobMissing: (_: unknown, digest: string) => void missing.push(digest) }
    await using local = await startTestServer({ index, storage, events })
    await pushBlob(local, 'dev/app', BLOB)
    const feed = await index.findFeed('dev')
    const blob = feed && (await index.findBlob({ feed, repository: 'app' }, BLOB.digest))
    await storage.remove(blob?.storageKey ?? '')
    const { status, code } = await local.ask('GET', path(BLOB))
    expect([status, code]).toEqual([404, 'BLOB_UNKNOWN'])
    expect(missing).toEqual([BLOB.digest])
    expect((await local.ask('HEAD', path(BLOB))).status).toBe(404)
    await pushBlob(local, 'dev/app', BLOB)
    expect((await local.ask('GET', path(BLOB))).bytes).toEqual(BLOB.bytes)
  })

  it.each([
    ['other bytes', (bytes: Buffer) => Buffer.alloc(bytes.length, 'x')],
    ['some of its bytes', (bytes: Buffer) => bytes.subarray(1)],
    ['nothing', () => Buffer.alloc(0)],
  ])('the next push to a repository whose blob has %s at rest brings it back', async (_, harm) => {
    const damaged: string[] = []
    const index = memoryIndex({ feeds: FEEDS })
    const storage = folderStorage(root)
    const events = { blobMissing: (_: unknown, digest: string) => void damaged.push(digest) }
    await using local = await startTestServer({ index, storage, events })
    for (const name of ['dev/app', 'dev/other']) await pushBlob(local, name, BLOB)
    expect(damaged).toEqual([])
    const feed = await index.findFeed('dev')
    const blob = feed && (await index.findBlob({ feed, repository: 'app' }, BLOB.digest))
    await writeFile(join(root, blob?.storageKey ?? ''), harm(BLOB.bytes))
    // Another repository's push says nothing about this one.
    await pushBlob(local, 'dev/third', BLOB)
    expect(damaged).toEqual([])
    await pushBlob(local, 'dev/app', BLOB)
    expect(damaged).toEqual([BLOB.digest])
    for (const name of ['app', 'other', 'third']) {
      expect((await local.ask('GET', `/v2/dev/${name}/blobs/${BLOB.digest}`)).bytes).toEqual(BLOB.bytes)
    }
  })

  it('a storage that breaks half-way cuts the connection', async () => {
    const storage = folderStorage(root)
    await using local = await startTestServer({ storage })
    await pushBlob(local, 'dev/app', BIG)
    storage.read = async function* () {
      yield BIG.bytes.subarray(0, 100)
      throw new Error('the disk broke')
    }
    await expect(local.ask('GET', path(BIG))).rejects.toThrow()
    expect(local.failures).toEqual([expect.objectContaining({ message: 'the disk broke' })])
  })

  it('bytes that turn out to be missing half-way cut the connection, and hide the blob', async () => {
    const missing: string[] = []
    const storage = folderStorage(root)
    const events = { blobMissing: (_: unknown, digest: string) => void missing.push(digest) }
    await using local = await startTestServer({ storage, events })
    await pushBlob(local, 'dev/app', BIG)
    storage.read = async function* () {
      yield BIG.bytes.subarray(0, 100)
      throw new FeedError('BLOB_MISSING', 'the object ended')
    }
    await expect(local.ask('GET', path(BIG))).rejects.toThrow()
    expect(missing).toEqual([BIG.digest])
    expect((await local.ask('HEAD', path(BIG))).status).toBe(404)
  })

  it('a client that leaves half-way frees the file and breaks nothing', async () => {
    const storage = folderStorage(root)
    const read = storage.read.bind(storage)
    let closed = () => {}
    const freed = new Promise<void>((resolve) => {
      closed = resolve
    })
    storage.read = async function* (key, range) {
      try {
        for (;;) yield* read(key, range) // without end, so that leaving is what ends it
      } finally {
        closed()
      }
    }
    await using local = await startTestServer({ storage })
    await pushBlob(local, 'dev/app', BIG)
    const req = request({ port: local.port, path: path(BIG), headers: { authorization: 'Bearer alice' } })
    req.on('error', () => {}).end()
    const [res] = await once(req, 'response')
    res.on('error', () => {})
    res.destroy()
    await freed
    expect(local.failures).toEqual([])
    expect((await local.ask('GET', '/v2/')).status).toBe(200)
  })

  it('a client that reads nothing is let go', async () => {
    const parts = { index: memoryIndex({ feeds: FEEDS }), storage: folderStorage(root) }
    const blob = testBlob(Buffer.alloc(32 * 1024 * 1024))
    {
      // Pushed to a server that is more patient: a busy disk is no stalled client.
      await using patient = await startTestServer(parts)
      await pushBlob(patient, 'dev/app', blob)
    }
    let connection = new EventEmitter()
    await using local = await startTestServer({
      ...parts,
      limits: { stallMs: 30 },
      authenticate: async (req) => {
        connection = req.socket
        return await authenticate(req)
      },
    })
    const req = request({ port: local.port, path: path(blob), headers: { authorization: 'Bearer alice' } })
    req.end()
    const [res] = await once(req, 'response')
    const cut = once(res, 'error')
    // Nothing reads the response until the server has closed its side.
    await once(connection, 'close')
    res.resume()
    await cut
    expect(res.complete).toBe(false)
  })
})
