import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { memoryIndex } from './memory-index.ts'
import { folderStorage } from './storage/index.ts'
import { memoryStorage } from './storage/memory.ts'
import { testBlob } from './test-images.ts'
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
    const id = String(opened.headers['docker-upload-uuid'])
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
    const recovery = status === 416 ? { range: '0-3', location } : {}
    expect(answer.headers).toMatchObject(recovery)
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
  it.each([
    ['announced', { 'content-length': 11 }],
    ['not announced', { 'transfer-encoding': 'chunked' }],
  ])('refuses a body that the feed’s quota has no room for, %s, with both numbers', async (_, headers) => {
    const index = memoryIndex({ feeds: FEEDS })
    const findUpload = index.findUpload.bind(index)
    index.findUpload = async (...args) => {
      const upload = await findUpload(...args)
      return upload && { ...upload, quota: { quota: 30, used: 20 } }
    }
    await using full = await startTestServer({ index })
    const location = await openSession(full, 'dev/app')
    const { status, code, document } = await full.ask('PATCH', location, { headers, body: 'abcdefghijk' })
    expect([status, code, document.errors?.[0]?.detail]).toEqual([413, 'DENIED', { quota: 30, used: 20 }])
    // It ends with that, so that it holds no room.
    expect((await full.ask('GET', location)).status).toBe(404)
    await pushBlob(full, 'dev/app', BLOB)
  })
  it('does with bytes that are stored elsewhere exactly what it does with new ones', async () => {
    const [known, fresh] = [testBlob('k'.repeat(100_000)), testBlob('n'.repeat(100_000))]
    const told: string[] = []
    const storage = memoryStorage()
    const append = storage.append.bind(storage)
    storage.append = async (key, offset, chunks) => {
      const size = await append(key, offset, chunks)
      told.push(`received ${size - offset}`)
      return size
    }
    const index = tracing(memoryIndex({ feeds: FEEDS }), told)
    await using local = await startTestServer({ index, storage: tracing(storage, told) })
    await pushBlob(local, 'private/elsewhere', known, 'bob')
    const sequence = async (blob: typeof known, name: string) => {
      told.length = 0
      const location = await openSession(local, name)
      const [half, rest] = [blob.bytes.subarray(0, 50_000), blob.bytes.subarray(50_000)]
      const patched = await local.ask('PATCH', location, { body: half })
      const put = await local.ask('PUT', withDigest(location, blob.digest), { body: rest })
      return { calls: [...told], answers: [patched.status, put.status, Object.keys(put.headers).sort()] }
    }
    const [elsewhere, nowhere] = [await sequence(known, 'dev/one'), await sequence(fresh, 'dev/two')]
    // The bytes that were there stay; the new ones go once the client has its answer.
    const received = ({ calls }: typeof elsewhere) => calls.filter((call) => call !== 'remove')
    expect(received(elsewhere)).toEqual(received(nowhere))
    expect(elsewhere.answers).toEqual(nowhere.answers)
    const counts = elsewhere.calls.filter((call) => call.startsWith('received'))
    expect(counts).toEqual(['received 50000', 'received 50000'])
  })

  it('answers before it removes what was stored already, and whether or not that succeeds', async () => {
    const storage = memoryStorage()
    let removal: ((error: Error) => void) | undefined
    storage.remove = () => new Promise((_, reject) => (removal = reject))
    const failures: unknown[] = []
    await using local = await startTestServer({
      storage,
      events: { failed: (error) => failures.push(error) },
    })
    await pushBlob(local, 'private/elsewhere', BLOB, 'bob')
    await pushBlob(local, 'dev/app', BLOB)
    expect(failures).toEqual([])
    removal?.(new Error('the disk is away'))
    expect((await local.ask('GET', `/v2/dev/app/blobs/${BLOB.digest}`)).bytes).toEqual(BLOB.bytes)
    expect(failures).toEqual([new Error('the disk is away')])
  })
})

/** Notes the name of each call of a port. */
function tracing<Port extends object>(port: Port, told: string[]): Port {
  return new Proxy(port, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      return (...args: unknown[]) => {
        told.push(String(name))
        return Reflect.apply(member, target, args)
      }
    },
  })
}
