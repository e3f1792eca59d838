import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import { type BlobStorage, createFeedServer } from '@sluice/feed'
import { blobStorageContract } from '@sluice/feed/contract-test'
import { memoryIndex } from '@sluice/feed/memory'
import { openStorage } from '@sluice/feed/storage'
import { digestOf } from '@sluice/oci'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Bucket, startBucket } from './bucket.ts'

// Blobs in a bucket of a real server that speaks S3 (versitygw, from .ci/tools.sh).

const MIB = 1024 * 1024

let bucket: Bucket
let storage: BlobStorage

beforeAll(async () => {
  bucket = await startBucket()
  // Where the SDK looks first.
  Object.assign(process.env, bucket.keys)
  storage = await openBucket()
})

afterAll(() => bucket.stop())

const openBucket = (name = 'bucket', more = '') =>
  openStorage({ dataDir: '/nowhere', storage: bucket.storage(name, more) })

async function* of(...chunks: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks
}

async function all(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const copies: Buffer[] = []
  for await (const chunk of chunks) copies.push(Buffer.from(chunk))
  return Buffer.concat(copies)
}

blobStorageContract('S3', () => storage)

test('of two replicas that write one upload at once, one wins and the other is told', async () => {
  const replicas = [await openBucket(), await openBucket()]
  const bytes = replicas.map(() => randomBytes(9 * MIB))
  await storage.append('blobs/contest', 0, of(Buffer.from('begun')))
  const outcomes = await Promise.allSettled(
    replicas.map((replica, n) => replica.append('blobs/contest', 5, of(bytes[n]!))),
  )
  const winner = outcomes.findIndex(({ status }) => status === 'fulfilled')
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  expect(outcomes).toContainEqual({
    status: 'rejected',
    reason: expect.objectContaining({ code: 'UPLOAD_BUSY' }),
  })
  await storage.seal('blobs/contest', 5 + 9 * MIB)
  const sealed = await all(storage.read('blobs/contest', { start: 5, end: 9 * MIB + 4 }))
  expect(sealed.equals(bytes[winner]!)).toBe(true)
})

test('leaves nothing behind but the sealed objects', async () => {
  const keys = ['blobs/one', 'blobs/two']
  for (const key of keys) {
    await storage.append(key, 0, of(randomBytes(100)))
    await storage.append(key, 100, of(randomBytes(17 * MIB)))
    await storage.append(key, 100 + 17 * MIB, of(randomBytes(100)))
  }
  await storage.seal('blobs/one', 200 + 17 * MIB)
  await storage.remove('blobs/two')
  const listed: string[] = []
  for await (const { key } of storage.list()) if (keys.includes(key)) listed.push(key)
  expect(listed).toEqual(['blobs/one'])
})

test('a bucket that is not there is an error, and no blob is missing for it', async () => {
  const elsewhere = await openBucket('nowhere')
  const reading = all(elsewhere.read('blobs/x', { start: 0, end: 0 }))
  await expect(reading).rejects.toMatchObject({ name: 'NoSuchBucket' })
})

async function serve(index: ReturnType<typeof memoryIndex>, blobs: BlobStorage) {
  const failures: unknown[] = []
  const handle = createFeedServer({
    index,
    storage: blobs,
    authenticate: async () => ({
      principalId: 'alice',
      may: async () => 'allowed',
      readableFeedIds: async () => ['f-dev'],
    }),
    challenge: () => 'Basic',
    events: { failed: (error) => void failures.push(error) },
  })
  const server = http.createServer((req, res) => void handle(req, res)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    failures,
    ask: (method: string, path: string, body?: Buffer) =>
      fetch(`http://127.0.0.1:${address.port}${path}`, {
        method,
        redirect: 'manual',
        ...(body && { body: new Uint8Array(body) }),
      }),
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

const FEEDS = [{ id: 'f-dev', name: 'dev', trusted: false }]

test('an upload that was begun on one replica goes on on the other, to the same blob', async () => {
  const index = memoryIndex({ feeds: FEEDS })
  const one = await serve(index, await openBucket())
  const two = await serve(index, await openBucket())
  const bytes = randomBytes(13 * MIB)
  const opened = await one.ask('POST', '/v2/dev/app/blobs/uploads/')
  const location = opened.headers.get('location')!
  const cuts = [0, 6 * MIB, 6 * MIB + 7, bytes.length]
  for (const [n, replica] of [one, two, one].entries()) {
    const patched = await replica.ask('PATCH', location, bytes.subarray(cuts[n], cuts[n + 1]))
    expect([patched.status, patched.headers.get('range')]).toEqual([202, `0-${cuts[n + 1]! - 1}`])
  }
  const put = await two.ask('PUT', `${location}?digest=${digestOf(bytes)}`)
  expect(put.status).toBe(201)
  for (const replica of [one, two]) {
    const got = await replica.ask('GET', `/v2/dev/app/blobs/${digestOf(bytes)}`)
    expect(Buffer.from(await got.arrayBuffer()).equals(bytes)).toBe(true)
    expect(replica.failures).toEqual([])
    replica.close()
  }
})

test('clients are sent to the bucket for the bytes where the settings say so, and only after a right was checked', async () => {
  const server = await serve(memoryIndex({ feeds: FEEDS }), await openBucket('bucket', '&redirect=true'))
  const bytes = randomBytes(MIB)
  const digest = digestOf(bytes)
  const pushed = await server.ask('POST', `/v2/dev/app/blobs/uploads/?digest=${digest}`, bytes)
  expect(pushed.status).toBe(201)
  const head = await server.ask('HEAD', `/v2/dev/app/blobs/${digest}`)
  expect([head.status, head.headers.get('content-length')]).toEqual([200, String(MIB)])
  const sent = await server.ask('GET', `/v2/dev/app/blobs/${digest}`)
  expect([sent.status, sent.headers.get('docker-content-digest')]).toEqual([307, digest])
  const link = sent.headers.get('location')!
  expect(link.startsWith(bucket.endpoint)).toBe(true)
  expect(Buffer.from(await (await fetch(link)).arrayBuffer()).equals(bytes)).toBe(true)
  const part = await fetch(link, { headers: { range: 'bytes=5-9' } })
  expect([part.status, Buffer.from(await part.arrayBuffer())]).toEqual([206, bytes.subarray(5, 10)])
  const unknown = await server.ask('GET', `/v2/dev/app/blobs/sha256:${'0'.repeat(64)}`)
  expect(unknown.status).toBe(404)
  server.close()
})
