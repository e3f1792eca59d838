import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROWS } from './route.ts'
import { CONFIG, LAYER, testImage } from './test-images.ts'
import { startTestServer, type TestServer } from './test-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server[Symbol.asyncDispose]())

const UUID = '00000000-0000-4000-8000-000000000000'

/** Every endpoint of the table with a reference that would be well-formed. */
const ENDPOINTS = ROWS.flatMap(({ methods, pattern, verb }) => {
  const reference = pattern.includes('uploads') ? UUID : LAYER.digest
  const path = pattern.map((part) => (part === '*' ? reference : part)).join('/')
  return methods.map((method) => ({ method, path, verb }))
})
const WRITES = ENDPOINTS.filter(({ method }) => method !== 'GET' && method !== 'HEAD')

describe('/v2/', () => {
  it.each([['/v2/'], ['/v2']])('%s is 200 for a caller with a name', async (path) => {
    const { status, headers, bytes } = await server.ask('GET', path)
    expect([status, bytes.toString()]).toEqual([200, '{}'])
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': '2',
      'docker-distribution-api-version': 'registry/2.0',
    })
  })
  it.each([[null], ['nobody-knows-me']])('asks %s to sign in', async (as) => {
    const { status, code, headers } = await server.ask('GET', '/v2/', { as })
    expect([status, code]).toEqual([401, 'UNAUTHORIZED'])
    expect(headers['www-authenticate']).toBe('Bearer realm="http://x/token",service="x"')
  })
  it('takes no writes', async () => {
    const { status, code, headers } = await server.ask('POST', '/v2/')
    expect([status, code, headers.allow]).toEqual([405, 'UNSUPPORTED', 'GET, HEAD'])
  })
})

describe('rights', () => {
  it.each(ENDPOINTS)('anonymous: $method $path asks for $verb', async ({ method, path, verb }) => {
    const { status, headers } = await server.ask(method, `/v2/dev/app/${path}`, { as: null })
    const action = verb === 'push' ? 'pull,push' : verb
    expect(status).toBe(401)
    expect(headers['www-authenticate']).toContain(`scope="repository:dev/app:${action}"`)
  })
  it.each(ENDPOINTS)('a bad credential: $method $path is 401', async ({ method, path }) => {
    const { status } = await server.ask(method, `/v2/dev/app/${path}`, { as: 'nobody-knows-me' })
    expect(status).toBe(401)
  })
  it.each(ENDPOINTS)('without a grant: $method $path is 403', async ({ method, path }) => {
    const { status } = await server.ask(method, `/v2/private/app/${path}`, { as: 'alice' })
    expect(status).toBe(403)
  })
  it.each(WRITES)('a reader: $method $path is 403 DENIED', async ({ method, path }) => {
    const { status, code } = await server.ask(method, `/v2/dev/app/${path}`, { as: 'reader' })
    expect([status, code]).toEqual([403, 'DENIED'])
  })
  it('asks for both repositories of a mount', async () => {
    const path = `/v2/dev/app/blobs/uploads/?mount=${LAYER.digest}&from=dev/other`
    const { headers } = await server.ask('POST', path, { as: null })
    expect(headers['www-authenticate']).toContain(
      'scope="repository:dev/app:pull,push repository:dev/other:pull"',
    )
  })
  it('puts nothing foreign into the challenge', async () => {
    const path = '/v2/dev/app/blobs/uploads/?mount=x&from=a%22%2Cerror%3D%22%0d%0aX%3A%20y'
    const { headers } = await server.ask('POST', path, { as: null })
    expect(headers['www-authenticate']).toBe(
      'Bearer realm="http://x/token",service="x",scope="repository:dev/app:pull,push"',
    )
  })
  it('does not tell an anonymous caller which feeds there are', async () => {
    expect((await server.ask('GET', '/v2/no-feed/app/tags/list', { as: null })).status).toBe(401)
    const { status, code } = await server.ask('GET', '/v2/no-feed/app/tags/list')
    expect([status, code]).toEqual([404, 'NAME_UNKNOWN'])
  })
  it('lets no anonymous caller write, even where everybody is granted it', async () => {
    const authenticate = async () => ({
      principalId: null,
      may: async () => 'allowed' as const,
      readableFeedIds: async () => ['f-dev'],
    })
    await using open = await startTestServer({ authenticate })
    expect((await open.ask('GET', '/v2/')).status).toBe(401)
    expect((await open.ask('GET', `/v2/dev/app/referrers/${LAYER.digest}`)).status).toBe(200)
    for (const { method, path } of WRITES) {
      expect((await open.ask(method, `/v2/dev/app/${path}`)).status).toBe(401)
    }
  })
})

describe('a trusted feed', () => {
  const callers = ['admin', 'alice', 'reader', 'nobody-knows-me', null]
  const names = ['trusted', 'released']
  const matrix = WRITES.flatMap((write) =>
    callers.flatMap((as) => names.map((feed) => ({ ...write, as, feed }))),
  )
  it.each(matrix)('refuses $method $feed $path by $as', async ({ method, path, as, feed }) => {
    const image = testImage()
    const { status, code, headers } = await server.ask(method, `/v2/${feed}/app/${path}`, {
      as,
      headers: { 'content-type': image.mediaType },
      body: image.bytes,
    })
    expect([status, code]).toEqual([403, 'DENIED'])
    expect(headers['www-authenticate']).toBeUndefined()
  })
  it.each([
    ['POST', `blobs/uploads/?mount=${LAYER.digest}&from=dev/app`],
    ['POST', `blobs/uploads/?digest=${LAYER.digest}`],
    ['PUT', `manifests/${LAYER.digest}?tag=1.0`],
    ['PUT', `manifests/sha256-${'a'.repeat(64)}`],
    ['DELETE', 'manifests/1.0'],
  ])('refuses %s %.40s', async (method, path) => {
    const { status, code } = await server.ask(method, `/v2/trusted/app/${path}`, { as: 'admin' })
    expect([status, code]).toEqual([403, 'DENIED'])
  })
  it('tells how an image gets in', async () => {
    const { document } = await server.ask('POST', '/v2/trusted/app/blobs/uploads/', { as: 'admin' })
    expect(document.errors?.[0]?.message).toContain('promotion')
  })
  it('refuses before the body has been sent', async () => {
    const headers = { authorization: 'Bearer admin', 'content-length': 1_000_000 }
    const path = '/v2/trusted/app/manifests/1.0'
    const req = request({ port: server.port, method: 'PUT', path, headers })
    const status = new Promise((resolve, reject) => {
      req.on('response', (res) => resolve(res.statusCode)).on('error', reject)
    })
    req.write('{')
    expect(await status).toBe(403)
    req.on('error', () => {}).destroy()
  })
  it('is read like any other', async () => {
    const address = { feed: { id: 'f-trusted', name: 'trusted', trusted: true }, repository: 'app' }
    const { index } = server
    const upload = await index.openUpload(address, 'blobs/x', 'worker')
    const claim = await index.claimUpload(upload.id, 0, 1000)
    if (claim === null) throw new Error('no claim')
    await index.finishUpload(claim, { digest: CONFIG.digest, size: 0, storageKey: 'blobs/x' })
    for (const feed of ['trusted', 'released']) {
      expect((await server.ask('HEAD', `/v2/${feed}/app/blobs/${CONFIG.digest}`)).status).toBe(200)
    }
  })
})

describe('hostile input', () => {
  it.each([
    ['/v2/dev/%2F..%2F..%2Fetc/manifests/x'],
    ['/v2/dev/%252e%252e/manifests/x'],
    ['/v2/dev/a%00/manifests/x'],
    ['/v2/dev/App/manifests/x'],
    ['/v2/dev/../trusted/app/manifests/x'],
    [`/v2/dev/${'a'.repeat(300)}/manifests/x`],
    ['/v2/dev/app/manifests/a%0d%0aX-Evil%3A1'],
    ['/v2/dev/app/blobs/uploads/%00'],
  ])('%.50s is 400 NAME_INVALID in JSON', async (path) => {
    for (const method of ['GET', 'PUT']) {
      const { status, code, headers } = await server.ask(method, path)
      expect([status, code, headers['content-type']]).toEqual([400, 'NAME_INVALID', 'application/json'])
    }
  })
  it.each([
    ['GET', `/v2/dev/app/blobs/sha256:${'A'.repeat(64)}`],
    ['GET', '/v2/dev/app/blobs/sha256:abc'],
    ['GET', '/v2/dev/app/blobs/md5:d41d8cd98f00b204e9800998ecf8427e'],
    ['GET', '/v2/dev/app/blobs/latest'],
    ['GET', '/v2/dev/app/manifests/sha256:abc'],
    ['PUT', '/v2/dev/app/manifests/sha256:abc'],
    ['DELETE', '/v2/dev/app/manifests/sha256:abc'],
    ['DELETE', '/v2/dev/app/blobs/sha256:abc'],
    ['GET', '/v2/dev/app/referrers/sha256:abc'],
    ['GET', '/v2/dev/app/referrers/latest'],
    ['POST', '/v2/dev/app/blobs/uploads/?mount=sha256:abc'],
    ['POST', '/v2/dev/app/blobs/uploads/?digest=sha256:abc'],
    ['POST', '/v2/dev/app/blobs/uploads/?digest-algorithm=md5'],
    ['PUT', `/v2/dev/app/blobs/uploads/${UUID}?digest=sha256:abc`],
    ['PUT', `/v2/dev/app/blobs/uploads/${UUID}`],
  ])('%s %.70s is 400 DIGEST_INVALID', async (method, path) => {
    const { status, code } = await server.ask(method, path)
    expect([status, code]).toEqual([400, 'DIGEST_INVALID'])
  })
  it.each([['POST'], ['PATCH'], ['PUT']])('%s with a coded body is 415', async (method) => {
    const tail = method === 'POST' ? '' : `${UUID}?digest=${LAYER.digest}`
    const { status, code } = await server.ask(method, `/v2/dev/app/blobs/uploads/${tail}`, {
      headers: { 'content-encoding': 'gzip' },
      body: 'x',
    })
    expect([status, code]).toEqual([415, 'UNSUPPORTED'])
  })
  it('answers HEAD errors without a body', async () => {
    const { status, bytes, headers } = await server.ask('HEAD', `/v2/dev/app/blobs/${LAYER.digest}`)
    expect([status, bytes.length]).toEqual([404, 0])
    expect(Number(headers['content-length'])).toBeGreaterThan(0)
  })
})

describe('a failure of ours', () => {
  it('is 500 without its cause, and reported', async () => {
    await using broken = await startTestServer({
      authenticate: async () => {
        throw new Error('secret of the database')
      },
    })
    const { status, code, bytes } = await broken.ask('GET', '/v2/')
    expect([status, code]).toEqual([500, 'UNKNOWN'])
    expect(bytes.toString()).not.toContain('secret')
    expect(broken.failures).toEqual([expect.objectContaining({ message: 'secret of the database' })])
  })
})
