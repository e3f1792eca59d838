import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { memoryIndex } from './memory-index.ts'
import type { FeedIndex } from './ports.ts'
import { folderStorage } from './storage/index.ts'
import { LAYER, testBlob } from './test-images.ts'
import { openSession, pushBlob } from './test-push.ts'
import { FEEDS, startTestServer, type TestServer } from './test-server.ts'

let root: string
let server: TestServer
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'sluice-upload-'))
  server = await startTestServer({ storage: folderStorage(root) })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await rm(root, { recursive: true })
})

const UUID = '00000000-0000-4000-8000-000000000000'
const WRONG = `sha256:${'0'.repeat(64)}`
const BLOB = testBlob('abcdefghij')
let repositories = 0
const newName = () => `dev/upload-${++repositories}`
const withDigest = (location: string, digest: string) => `${location}?digest=${digest}`

describe('one request', () => {
  it('POST ?digest= takes a whole blob', async () => {
    const name = newName()
    const path = `/v2/${name}/blobs/uploads/?digest=${BLOB.digest}`
    const { status, headers, bytes } = await server.ask('POST', path, { body: BLOB.bytes })
    expect([status, bytes.length, headers['content-length']]).toEqual([201, 0, '0'])
    expect(headers).toMatchObject({
      location: `/v2/${name}/blobs/${BLOB.digest}`,
      'docker-content-digest': BLOB.digest,
    })
    expect((await server.ask('GET', `/v2/${name}/blobs/${BLOB.digest}`)).bytes).toEqual(BLOB.bytes)
  })
  it.each([
    ['sha512', testBlob('abc', 'sha512')],
    ['nothing at all', testBlob('')],
  ])('takes a blob of %s', async (_, blob) => {
    const name = newName()
    await pushBlob(server, name, blob)
    const { status, bytes, headers } = await server.ask('GET', `/v2/${name}/blobs/${blob.digest}`)
    expect([status, headers['docker-content-digest']]).toEqual([200, blob.digest])
    expect(bytes).toEqual(blob.bytes)
  })
  it('keeps nothing when the digest is wrong', async () => {
    const name = newName()
    const path = `/v2/${name}/blobs/uploads/?digest=${WRONG}`
    const { status, code } = await server.ask('POST', path, { body: BLOB.bytes })
    expect([status, code]).toEqual([400, 'DIGEST_INVALID'])
    expect((await server.ask('HEAD', `/v2/${name}/blobs/${WRONG}`)).status).toBe(404)
  })
})

describe('a session', () => {
  it('opens at 0-0, takes chunks in order, closes', async () => {
    const name = newName()
    const opened = await server.ask('POST', `/v2/${name}/blobs/uploads/`)
    expect(opened.status).toBe(202)
    const location = String(opened.headers.location)
    const id = opened.headers['docker-upload-uuid']
    expect(location).toBe(`/v2/${name}/blobs/uploads/${id}`)
    expect(opened.headers).toMatchObject({ range: '0-0', 'content-length': '0' })

    const first = await server.ask('PATCH', location, { headers: { 'content-range': '0-3' }, body: 'abcd' })
    expect([first.status, first.headers.range, first.headers['docker-upload-uuid']]).toEqual([202, '0-3', id])
    const state = await server.ask('GET', location)
    expect([state.status, state.headers.range, state.headers.location]).toEqual([204, '0-3', location])
    expect(state.headers['content-length']).toBeUndefined()

    const last = await server.ask('PUT', withDigest(location, BLOB.digest), {
      headers: { 'content-range': '4-9' },
      body: 'efghij',
    })
    expect([last.status, last.headers.location]).toEqual([201, `/v2/${name}/blobs/${BLOB.digest}`])
    expect((await server.ask('GET', location)).code).toBe('BLOB_UPLOAD_UNKNOWN')
    expect((await server.ask('GET', `/v2/${name}/blobs/${BLOB.digest}`)).bytes).toEqual(BLOB.bytes)
  })
  it.each([
    ['sha256 by default', '', testBlob('abcdefghij')],
    ['sha512 announced', '?digest-algorithm=sha512', testBlob('abcdefghij', 'sha512')],
    ['sha512 known only at the end', '', testBlob('abcdefghij', 'sha512')],
    ['sha256 where sha512 was announced', '?digest-algorithm=sha512', testBlob('abcdefghij')],
  ])('hashes with %s', async (_, query, blob) => {
    const name = newName()
    const location = await openSession(server, name, query)
    await server.ask('PATCH', location, { body: 'abcde' })
    await server.ask('PATCH', location, { body: 'fghij' })
    const { status, headers } = await server.ask('PUT', withDigest(location, blob.digest))
    expect([status, headers['docker-content-digest']]).toEqual([201, blob.digest])
  })
  it('takes a body whose length is not announced and has no type (docker)', async () => {
    const location = await openSession(server, newName())
    const req = request({
      port: server.port,
      method: 'PATCH',
      path: location,
      headers: { authorization: 'Bearer alice', 'transfer-encoding': 'chunked' },
    })
    for (const piece of ['abcde', 'fghij']) req.write(piece)
    req.end()
    const [res] = await once(req, 'response')
    res.resume()
    expect([res.statusCode, res.headers.range]).toEqual([202, '0-9'])
    expect((await server.ask('PUT', withDigest(location, BLOB.digest))).status).toBe(201)
  })
  it.each([
    ['PATCH', '5-9', 416, 'BLOB_UPLOAD_INVALID'],
    ['PATCH', '0-3', 416, 'BLOB_UPLOAD_INVALID'],
    ['PUT', '5-9', 416, 'BLOB_UPLOAD_INVALID'],
    ['PATCH', 'bytes 4-8/9', 400, 'BLOB_UPLOAD_INVALID'],
    ['PATCH', '4-', 400, 'BLOB_UPLOAD_INVALID'],
    ['PATCH', '4-3', 400, 'SIZE_INVALID'],
    ['PATCH', '4-99', 400, 'SIZE_INVALID'],
    ['PUT', '4-4', 400, 'SIZE_INVALID'],
  ])('refuses %s with Content-Range %s at byte 4, and goes on', async (method, range, status, code) => {
    const location = await openSession(server, newName())
    await server.ask('PATCH', location, { body: 'abcd' })
    const answer = await server.ask(method, withDigest(location, BLOB.digest), {
      headers: { 'content-range': range },
      body: 'vwxyz',
    })
    expect([answer.status, answer.code]).toEqual([status, code])
    if (status === 416) expect(answer.headers).toMatchObject({ range: '0-3', location })
    expect((await server.ask('GET', location)).headers.range).toBe('0-3')
    expect((await server.ask('PUT', withDigest(location, BLOB.digest), { body: 'efghij' })).status).toBe(201)
  })
  it('does not keep a stream that is not as long as its Content-Range', async () => {
    const location = await openSession(server, newName())
    const headers = { 'content-range': '0-9', 'transfer-encoding': 'chunked', authorization: 'Bearer alice' }
    const req = request({ port: server.port, method: 'PATCH', path: location, headers })
    req.end('abc')
    const [res] = await once(req, 'response')
    res.resume()
    expect(res.statusCode).toBe(400)
    expect((await server.ask('GET', location)).headers.range).toBe('0-0')
    expect((await server.ask('PUT', withDigest(location, BLOB.digest), { body: BLOB.bytes })).status).toBe(
      201,
    )
  })
  it('survives a wrong digest', async () => {
    const name = newName()
    const location = await openSession(server, name)
    const wrong = await server.ask('PUT', withDigest(location, WRONG), { body: BLOB.bytes })
    expect([wrong.status, wrong.code]).toEqual([400, 'DIGEST_INVALID'])
    expect((await server.ask('HEAD', `/v2/${name}/blobs/${WRONG}`)).status).toBe(404)
    expect((await server.ask('GET', location)).headers.range).toBe('0-9')
    expect((await server.ask('PUT', withDigest(location, BLOB.digest))).status).toBe(201)
  })
  it('ends by DELETE', async () => {
    const location = await openSession(server, newName())
    await server.ask('PATCH', location, { body: 'abc' })
    expect((await server.ask('DELETE', location)).status).toBe(204)
    for (const method of ['GET', 'PATCH', 'DELETE']) {
      const { status, code } = await server.ask(method, location)
      expect([status, code]).toEqual([404, 'BLOB_UPLOAD_UNKNOWN'])
    }
  })
  it.each([['GET'], ['PATCH'], ['PUT'], ['DELETE']])(
    'is another’s or elsewhere: %s is 404',
    async (method) => {
      const location = await openSession(server, newName())
      const id = location.slice(location.lastIndexOf('/') + 1)
      const tail = `?digest=${BLOB.digest}`
      const attempts = [
        { path: location, as: 'bob' },
        { path: `/v2/dev/elsewhere/blobs/uploads/${id}`, as: 'alice' },
        { path: `/v2/private/app/blobs/uploads/${id}`, as: 'bob' },
        { path: `/v2/dev/app/blobs/uploads/${UUID}`, as: 'alice' },
        { path: '/v2/dev/app/blobs/uploads/not-a-uuid', as: 'alice' },
        { path: `/v2/dev/app/blobs/uploads/${id.toUpperCase()}`, as: 'alice' },
      ]
      for (const { path, as } of attempts) {
        const { status, code } = await server.ask(method, `${path}${tail}`, { as })
        expect([path, status, code]).toEqual([path, 404, 'BLOB_UPLOAD_UNKNOWN'])
      }
      expect((await server.ask('GET', location)).status).toBe(204)
    },
  )
  it('is found under the name the feed had before', async () => {
    const location = await openSession(server, newName())
    const former = location.replace('/v2/dev/', '/v2/development/')
    expect((await server.ask('PATCH', former, { body: 'abc' })).headers.location).toBe(former)
  })
  it.each([
    ['announced', { 'content-length': 11 }],
    ['not announced', { 'transfer-encoding': 'chunked' }],
  ])('refuses a blob over the limit, %s', async (_, headers) => {
    await using small = await startTestServer({ limits: { blobBytes: 10 } })
    const location = await openSession(small, 'dev/app')
    const auth = { authorization: 'Bearer alice' }
    const req = request({
      port: small.port,
      method: 'PATCH',
      path: location,
      headers: { ...headers, ...auth },
    })
    req.end('abcdefghijk')
    const [res] = await once(req, 'response')
    res.resume()
    expect(res.statusCode).toBe(413)
    await pushBlob(small, 'dev/app', BLOB)
  })
})

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
    const { append } = storage
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
    expect(answers.map(({ status }) => status).sort()).toEqual([202, ...Array(7).fill(416)])
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
    const { finishUpload } = index
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

describe('mount', () => {
  const mount = (name: string, query: string, as = 'alice') =>
    server.ask('POST', `/v2/${name}/blobs/uploads/?mount=${query}`, { as })

  it.each([
    ['from a repository of the caller', 'dev/mount-source', 'alice', 201],
    ['from it by the feed’s former name', 'development/mount-source', 'alice', 201],
    ['from nowhere named', null, 'alice', 201],
    ['from a repository that has it not', 'dev/empty', 'alice', 202],
    ['from a feed that is not there', 'nowhere/app', 'alice', 202],
    ['from a name that is none', '../x', 'alice', 202],
  ])('%s', async (_, from, as, status) => {
    const blob = testBlob(`mount ${status}`)
    await pushBlob(server, 'dev/mount-source', blob)
    const name = newName()
    const query = `${blob.digest}${from === null ? '' : `&from=${encodeURIComponent(from)}`}`
    const answer = await mount(name, query, as)
    expect(answer.status).toBe(status)
    const expected = status === 201 ? `/v2/${name}/blobs/${blob.digest}` : /\/blobs\/uploads\/[0-9a-f-]{36}$/
    expect(answer.headers.location).toMatch(expected)
    const head = await server.ask('HEAD', `/v2/${name}/blobs/${blob.digest}`)
    expect(head.status).toBe(status === 201 ? 200 : 404)
  })

  it.each([
    ['named', '&from=private/secret'],
    ['not named', ''],
  ])('never from where the caller may not pull: %s', async (_, from) => {
    const secret = testBlob(`a private layer, ${from}`)
    await pushBlob(server, 'private/secret', secret, 'bob')
    const name = newName()
    const { status } = await mount(name, `${secret.digest}${from}`)
    expect(status).toBe(202)
    expect((await server.ask('GET', `/v2/${name}/blobs/${secret.digest}`)).status).toBe(404)
    expect((await mount(newName(), `${secret.digest}${from}`, 'bob')).status).toBe(201)
  })

  it('has bytes that exist elsewhere sent in full', async () => {
    const secret = testBlob('only bob has this')
    await pushBlob(server, 'private/secret', secret, 'bob')
    const path = `/v2/dev/app/blobs/uploads/?digest=${secret.digest}`
    expect((await server.ask('POST', path)).code).toBe('DIGEST_INVALID')
    expect((await server.ask('POST', path, { body: secret.bytes })).status).toBe(201)
  })
})

it('DELETE of a blob is 202, then 404', async () => {
  const name = newName()
  await pushBlob(server, name, LAYER)
  const path = `/v2/${name}/blobs/${LAYER.digest}`
  expect((await server.ask('DELETE', path)).status).toBe(202)
  for (const method of ['DELETE', 'GET', 'HEAD']) expect((await server.ask(method, path)).status).toBe(404)
})

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
