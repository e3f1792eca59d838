import http from 'node:http'
import net from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { basic, digestOf, type Json, PASSWORD, startTestService, type TestService } from '../test-service.ts'

// The calls of real clients as a logging proxy saw them, in their order and framing. Every one came on a
// connection of its own; tests/clients drives the programs themselves.

let service: TestService
let bearer: string

beforeAll(async () => {
  service = await startTestService()
  await service.person('ci', { dev: ['pull', 'push', 'delete'] })
  bearer = `Bearer ${(await token(['repository:dev/app:pull,push,delete', 'repository:dev/other:pull,push'])).token}`
}, 60_000)
afterAll(() => service[Symbol.asyncDispose]())

type Call = {
  readonly headers?: Readonly<Record<string, string>>
  readonly authorization?: string | null
  readonly body?: Buffer
  /** Sent in pieces, its length not announced. */
  readonly chunked?: boolean
}
type Reply = { readonly status: number; readonly headers: http.IncomingHttpHeaders; readonly bytes: Buffer }

/** One call on a connection of its own, as Go's clients make it with `Connection: close`. */
function send(method: string, where: string, call: Call = {}) {
  const { authorization = bearer, headers = {}, body, chunked = false } = call
  return new Promise<Reply>((resolve, reject) => {
    const url = new URL(where, service.url)
    const framing = chunked
      ? { 'transfer-encoding': 'chunked' }
      : { 'content-length': `${body?.length ?? 0}` }
    const sent = {
      connection: 'close',
      ...(authorization !== null && { authorization }),
      ...(method === 'GET' || method === 'HEAD' ? {} : framing),
      ...headers,
    }
    const request = http.request(url, { method, agent: false, headers: sent }, (answer) => {
      const pieces: Buffer[] = []
      answer.on('data', (piece: Buffer) => pieces.push(piece))
      answer.on('error', reject)
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, bytes: Buffer.concat(pieces) }),
      )
    })
    request.on('error', reject)
    const half = Math.ceil((body?.length ?? 0) / 2)
    if (chunked && body) request.write(body.subarray(0, half))
    request.end(chunked ? body?.subarray(half) : body)
  })
}

async function token(scopes: readonly string[], query = ''): Promise<Json> {
  const scope = scopes.map((each) => `&scope=${encodeURIComponent(each)}`).join('')
  const answer = await fetch(`${service.url}/token?account=ci&service=test.example${scope}${query}`, {
    headers: { authorization: basic('ci') },
  })
  expect(answer.status).toBe(200)
  return answer.json()
}

const json = (value: object): Buffer => Buffer.from(JSON.stringify(value))
const link = (mediaType: string, bytes: Buffer) => ({
  mediaType,
  digest: digestOf(bytes),
  size: bytes.length,
})
const oci = 'application/vnd.oci.image'
const docker = 'application/vnd.docker'
const ociManifest = `${oci}.manifest.v1+json`
const ociIndex = `${oci}.index.v1+json`
const dockerManifest = `${docker}.distribution.manifest.v2+json`

const config = json({ architecture: 'amd64', os: 'linux' })
const manifestOf = (layer: Buffer): Buffer =>
  json({
    schemaVersion: 2,
    mediaType: ociManifest,
    config: link(`${oci}.config.v1+json`, config),
    layers: [link(`${oci}.layer.v1.tar+gzip`, layer)],
  })
const skopeoAccepts = [
  ociManifest,
  dockerManifest,
  `${docker}.distribution.manifest.v1+prettyjws`,
  `${docker}.distribution.manifest.v1+json`,
  `${docker}.distribution.manifest.list.v2+json`,
  ociIndex,
].join(', ')

const blobAt = (name: string, bytes: Buffer) => `/v2/${name}/blobs/${digestOf(bytes)}`
const withDigest = (location: string | undefined, bytes: Buffer): string => {
  expect(location).toBeDefined()
  return `${location}${location?.includes('?') ? '&' : '?'}digest=${digestOf(bytes)}`
}

type PushOptions = {
  readonly chunked?: boolean
  readonly type?: string
  /** docker looks whether it is there afterwards, skopeo before, twice. */
  readonly before?: number
  readonly after?: number
}

/** HEAD … POST → PATCH → PUT … HEAD: the Location is followed as it came, each time. */
async function pushBlob(name: string, bytes: Buffer, options: PushOptions = {}): Promise<void> {
  const { chunked = false, type, before = 0, after = 0 } = options
  for (let n = 0; n < before; n++) expect((await send('HEAD', blobAt(name, bytes))).status).toBe(404)
  const opened = await send('POST', `/v2/${name}/blobs/uploads/`)
  expect([opened.status, opened.headers['content-length']]).toEqual([202, '0'])
  expect(opened.headers['docker-upload-uuid']).toMatch(/^[\w-]+$/)
  const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type }
  const patched = await send('PATCH', opened.headers.location ?? '', { headers, body: bytes, chunked })
  expect([patched.status, patched.headers.range]).toEqual([202, `0-${bytes.length - 1}`])
  expect(patched.headers['docker-upload-uuid']).toBe(opened.headers['docker-upload-uuid'])
  const put = await send('PUT', withDigest(patched.headers.location, bytes))
  expect([put.status, put.headers['docker-content-digest']]).toEqual([201, digestOf(bytes)])
  for (let n = 0; n < after; n++) {
    const { status, headers } = await send('HEAD', blobAt(name, bytes))
    expect([status, headers['content-length']]).toEqual([200, `${bytes.length}`])
  }
}

async function putManifest(name: string, reference: string, bytes: Buffer, type: string): Promise<void> {
  const headers = { 'content-type': type }
  const { status, headers: told } = await send('PUT', `/v2/${name}/manifests/${reference}`, {
    headers,
    body: bytes,
  })
  expect([status, told['docker-content-digest']]).toEqual([201, digestOf(bytes)])
}

describe('before anything', () => {
  test('a TLS hello on the plain port ends that connection, and the next call is answered', async () => {
    const { port } = new URL(service.url)
    const socket = net.connect(Number(port), '127.0.0.1')
    const hello = Buffer.from(`1603010200010001fc0303${'5a'.repeat(505)}`, 'hex')
    socket.on('data', (bytes) => expect(bytes.toString()).toMatch(/^HTTP\/1\.1 400/))
    socket.end(hello)
    await once(socket, 'close')
    const { status, headers } = await send('GET', '/v2/', { authorization: null })
    expect([status, headers['www-authenticate']]).toEqual([401, expect.stringMatching(/^Bearer realm=/)])
    expect(headers['docker-distribution-api-version']).toBe('registry/2.0')
  })
})

describe('skopeo, podman and buildah push', () => {
  test('HEAD twice, POST without a body, PATCH with a length, PUT without a body, config, manifest', async () => {
    const layer = Buffer.from('a layer of skopeo')
    await pushBlob('dev/app', layer, { before: 2, type: 'application/octet-stream' })
    await pushBlob('dev/app', config, { before: 1, type: 'application/octet-stream' })
    await putManifest('dev/app', 'skopeo', manifestOf(layer), ociManifest)
  })

  test('a cache remembers the layer elsewhere: HEAD there, then a mount', async () => {
    const layer = Buffer.from('a layer of skopeo')
    expect((await send('HEAD', blobAt('dev/other', layer))).status).toBe(404)
    expect((await send('HEAD', blobAt('dev/app', layer))).status).toBe(200)
    const digest = encodeURIComponent(digestOf(layer))
    const mounted = await send('POST', `/v2/dev/other/blobs/uploads/?from=dev%2Fapp&mount=${digest}`)
    expect(mounted.status).toBe(201)
    expect(mounted.headers.location).toBeDefined()
    expect((await send('GET', mounted.headers.location ?? '')).bytes).toEqual(layer)
  })

  test('a mount that cannot be is an upload, and goes on as one', async () => {
    const layer = Buffer.from('nobody has this layer')
    const where = `/v2/dev/other/blobs/uploads/?from=dev%2Fapp&mount=${encodeURIComponent(digestOf(layer))}`
    const opened = await send('POST', where)
    expect(opened.status).toBe(202)
    const patched = await send('PATCH', opened.headers.location ?? '', { body: layer })
    expect((await send('PUT', withDigest(patched.headers.location, layer))).status).toBe(201)
  })

  test('podman recompresses as it sends: chunked, the digest known at the end', async () => {
    await pushBlob('dev/app', Buffer.alloc(300_000, 'podman '), {
      before: 1,
      chunked: true,
      type: 'application/octet-stream',
    })
  })

  test('--all: the children by digest, then the index by its tag; then it is pulled', async () => {
    const layers = ['one', 'other'].map((text) => Buffer.from(`the ${text} platform`))
    for (const layer of layers) await pushBlob('dev/app', layer)
    await pushBlob('dev/app', config)
    const children = layers.map(manifestOf)
    for (const child of children) await putManifest('dev/app', digestOf(child), child, ociManifest)
    const index = json({
      schemaVersion: 2,
      mediaType: ociIndex,
      manifests: children.map((child) => link(ociManifest, child)),
    })
    await putManifest('dev/app', 'all', index, ociIndex)
    const got = await send('GET', '/v2/dev/app/manifests/all', { headers: { accept: skopeoAccepts } })
    expect([got.status, got.headers['content-type'], got.bytes]).toEqual([200, ociIndex, index])
    expect(got.headers.etag).toBeDefined()
  })

  test('delete: GET the manifest, DELETE its digest', async () => {
    await pushBlob('dev/app', config)
    await pushBlob('dev/app', Buffer.from('to be deleted'))
    await putManifest('dev/app', 'gone', manifestOf(Buffer.from('to be deleted')), ociManifest)
    const got = await send('GET', '/v2/dev/app/manifests/gone', { headers: { accept: skopeoAccepts } })
    const deleted = await send(
      'DELETE',
      `/v2/dev/app/manifests/${String(got.headers['docker-content-digest'])}`,
    )
    expect(deleted.status).toBe(202)
    expect((await send('GET', '/v2/dev/app/manifests/gone')).status).toBe(404)
  })

  test('list-tags without n; search asks v1 first, then the catalog', async () => {
    const { status, bytes } = await send('GET', '/v2/dev/app/tags/list')
    expect([status, JSON.parse(bytes.toString())]).toEqual([
      200,
      { name: 'dev/app', tags: expect.arrayContaining(['all', 'skopeo']) },
    ])
    expect((await send('GET', '/v1/search?q=app')).status).toBe(404)
    const catalog = await send('GET', '/v2/_catalog', { authorization: basic('ci') })
    expect(JSON.parse(catalog.bytes.toString()).repositories).toContain('dev/app')
  })
})

describe('docker', () => {
  const layers = Array.from({ length: 5 }, (_, n) => Buffer.alloc(200_000 + n, `layer ${n} of docker `))
  const image = json({
    schemaVersion: 2,
    mediaType: dockerManifest,
    config: link(`${docker}.container.image.v1+json`, config),
    layers: layers.map((layer) => link(`${docker}.image.rootfs.diff.tar.gzip`, layer)),
  })
  // docker sends its list in another order each time.
  const accepts = [
    `${docker}.distribution.manifest.list.v2+json`,
    'application/json',
    ociIndex,
    dockerManifest,
  ]

  test('push: five at a time, chunked and of no type, each looked at afterwards; manifest schema 2', async () => {
    await Promise.all(
      layers.map((layer) => pushBlob('dev/app', layer, { before: 1, after: 1, chunked: true })),
    )
    await pushBlob('dev/app', config, { after: 1 })
    await putManifest('dev/app', 'docker', image, dockerManifest)
  })

  test('pull: HEAD the tag, GET its digest, the config, the blobs three at a time', async () => {
    const headers = { accept: accepts.join(', ') }
    const head = await send('HEAD', '/v2/dev/app/manifests/docker', { headers })
    expect([head.status, head.headers['content-length']]).toEqual([200, `${image.length}`])
    expect(head.headers['content-type']).toBe(dockerManifest)
    const digest = String(head.headers['docker-content-digest'])
    const turned = { accept: accepts.toReversed().join(', ') }
    const got = await send('GET', `/v2/dev/app/manifests/${digest}`, { headers: turned })
    expect([digestOf(got.bytes), got.bytes]).toEqual([digest, image])
    expect((await send('GET', blobAt('dev/app', config))).bytes).toEqual(config)
    for (const some of [layers.slice(0, 3), layers.slice(3)]) {
      const pulled = await Promise.all(some.map((layer) => send('GET', blobAt('dev/app', layer))))
      expect(pulled.map(({ bytes }) => digestOf(bytes))).toEqual(some.map(digestOf))
    }
    const again = await send('GET', '/v2/dev/app/manifests/docker', {
      headers: { ...headers, 'if-none-match': String(got.headers.etag) },
    })
    expect([again.status, again.bytes.length]).toEqual([304, 0])
  })

  test('a HEAD that is 404 is asked again as GET, which says what is missing', async () => {
    expect((await send('HEAD', '/v2/dev/app/manifests/nothing')).status).toBe(404)
    const { status, bytes } = await send('GET', '/v2/dev/app/manifests/nothing')
    expect([status, JSON.parse(bytes.toString()).errors[0].code]).toEqual([404, 'MANIFEST_UNKNOWN'])
  })

  test('a pull that was cut goes on behind what it has', async () => {
    const [layer = Buffer.alloc(0)] = layers
    const first = await new Promise<Buffer>((resolve, reject) => {
      const headers = { authorization: bearer, connection: 'close' }
      const url = new URL(blobAt('dev/app', layer), service.url)
      http.get(url, { agent: false, headers }, (answer) => {
        answer.once('data', (bytes: Buffer) => {
          answer.destroy()
          resolve(bytes)
        })
        answer.once('error', reject)
      })
    })
    expect(first.length).toBeGreaterThan(0)
    const rest = await send('GET', blobAt('dev/app', layer), { headers: { range: `bytes=${first.length}-` } })
    expect([rest.status, rest.headers['content-range']]).toEqual([
      206,
      `bytes ${first.length}-${layer.length - 1}/${layer.length}`,
    ])
    expect(digestOf(Buffer.concat([first, rest.bytes]))).toBe(digestOf(layer))
  })
})

describe('tokens', () => {
  test.each([
    ['skopeo', ['repository:dev/app:pull,push'], ''],
    ['docker, the other way round', ['repository:dev/app:push,pull'], ''],
    ['a mount, with a second scope', ['repository:dev/other:pull,push', 'repository:dev/app:pull'], ''],
    ['docker login', [], '&client_id=docker&offline_token=true'],
  ])('%s', async (_, scopes, query) => {
    const answer = await token(scopes, query)
    expect(answer.token).toBe(answer.access_token)
    const authorization = `Bearer ${answer.token}`
    expect((await send('GET', '/v2/', { authorization })).status).toBe(200)
    for (const scope of scopes) {
      const [, name, actions = ''] = scope.split(':')
      const uploads = await send('POST', `/v2/${name}/blobs/uploads/`, { authorization })
      expect(uploads.status).toBe(actions.includes('push') ? 202 : 401)
    }
    expect(typeof answer.refresh_token).toBe(query === '' ? 'undefined' : 'string')
  })

  test.each([['with its length'], ['chunked, as skopeo sends it']])('a refresh token, %s', async (how) => {
    const { refresh_token: refresh } = await token([], '&client_id=docker&offline_token=true')
    const form = {
      grant_type: 'refresh_token',
      refresh_token: refresh,
      service: 'test.example',
      client_id: 'docker',
      scope: 'repository:dev/app:pull',
    }
    const { status, bytes } = await send('POST', '/token', {
      authorization: null,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: Buffer.from(new URLSearchParams(form).toString()),
      chunked: how.startsWith('chunked'),
    })
    expect(status).toBe(200)
    const authorization = `Bearer ${JSON.parse(bytes.toString()).access_token}`
    expect((await send('GET', '/v2/dev/app/tags/list', { authorization })).status).toBe(200)
  })

  test('anonymous: no Authorization, and nothing that nobody was granted', async () => {
    const where = '/token?service=test.example&scope=repository%3Adev%2Fapp%3Apull'
    const { status, bytes } = await send('GET', where, { authorization: null })
    expect(status).toBe(200)
    const authorization = `Bearer ${JSON.parse(bytes.toString()).token}`
    expect((await send('GET', '/v2/dev/app/tags/list', { authorization })).status).toBe(401)
  })

  test('a wrong password is 401 with an error that clients print', async () => {
    const authorization = basic('ci', `not ${PASSWORD}`)
    const { status, bytes } = await send('GET', '/token?account=ci&service=test.example', { authorization })
    expect([status, JSON.parse(bytes.toString()).errors[0].code]).toEqual([401, 'UNAUTHORIZED'])
  })
})
