import { DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from '@sluice/oci'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CONFIG, LAYER, testBlob, testImage, testIndex, testManifest, testReferrer } from './test-images.ts'
import { pushBlob, pushImage, putManifest } from './test-push.ts'
import { startTestServer, type TestServer } from './test-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({
    tagRule: (tag, from) =>
      tag.startsWith('v') && from !== null
        ? { rule: 'immutable', message: `the tag ${tag} points at ${from} for ever` }
        : null,
  })
  for (const blob of [CONFIG, LAYER]) await pushBlob(server, 'dev/app', blob)
})
afterAll(() => server[Symbol.asyncDispose]())

const IMAGE = testImage()
const at = (reference: string) => `/v2/dev/app/manifests/${reference}`
const put = (reference: string, body: Uint8Array | string, type: string = OCI_MANIFEST) =>
  server.ask('PUT', at(reference), { body, headers: { 'content-type': type } })

describe('a push with a condition', () => {
  const [one, two] = [testImage({ annotations: { cas: '1' } }), testImage({ annotations: { cas: '2' } })]
  const push = (image: typeof one, headers: Record<string, string>, reference = 'cas') =>
    server.ask('PUT', at(reference), {
      body: image.bytes,
      headers: { 'content-type': OCI_MANIFEST, ...headers },
    })

  it('moves a tag from the digest that the client believes in, and from no other', async () => {
    expect((await push(one, { 'if-match': '*' })).status).toBe(412)
    expect((await push(one, { 'if-none-match': '*' })).status).toBe(201)
    const taken = await push(two, { 'if-none-match': '*' })
    expect([taken.status, taken.code, taken.document.errors?.[0]?.detail]).toEqual([
      412,
      'DENIED',
      { tag: 'cas', current: one.digest, expected: 'absent' },
    ])
    expect((await push(two, { 'if-match': `"${two.digest}"` })).status).toBe(412)
    // A weak tag never matches. RFC 9110, section 13.1.1.
    expect((await push(two, { 'if-match': `W/"${one.digest}"` })).status).toBe(400)
    expect((await push(two, { 'if-match': `"${two.digest}", "${one.digest}"` })).status).toBe(201)
    expect((await server.ask('HEAD', at('cas'))).headers['docker-content-digest']).toBe(two.digest)
  })
  it('is about the tags of a push by digest', async () => {
    const byDigest = `${one.digest}?tag=cas&tag=cas-2`
    expect((await push(one, { 'if-match': `"${two.digest}"` }, byDigest)).status).toBe(412)
    const moved = await push(one, { 'if-match': `"${two.digest}"` }, `${one.digest}?tag=cas`)
    expect([moved.status, moved.headers['oci-tag']]).toEqual([201, 'cas'])
    expect((await push(one, { 'if-match': '*' }, one.digest)).status).toBe(400)
  })
  it.each([
    [{ 'if-match': 'sha256:x' }],
    [{ 'if-match': '"x"' }],
    [{ 'if-none-match': `"${one.digest}"` }],
    [{ 'if-match': '*', 'if-none-match': '*' }],
  ])('%j is none', async (headers) => {
    const { status, code } = await push(one, headers)
    expect([status, code]).toEqual([400, 'UNSUPPORTED'])
  })
})

describe('PUT then GET', () => {
  it('answers the same bytes by tag and by digest, under the type pushed', async () => {
    const { status, headers } = await put('1.0', IMAGE.bytes)
    expect(status).toBe(201)
    expect(headers).toMatchObject({
      location: at('1.0'),
      'docker-content-digest': IMAGE.digest,
      'content-length': '0',
    })
    expect(headers['oci-tag'] ?? headers['oci-subject']).toBeUndefined()
    for (const reference of ['1.0', IMAGE.digest]) {
      for (const method of ['GET', 'HEAD']) {
        const answer = await server.ask(method, at(reference))
        expect([
          answer.status,
          answer.bytes.equals(method === 'GET' ? IMAGE.bytes : Buffer.alloc(0)),
        ]).toEqual([200, true])
        expect(answer.headers).toMatchObject({
          'content-type': OCI_MANIFEST,
          'content-length': String(IMAGE.size),
          'docker-content-digest': IMAGE.digest,
          etag: `"${IMAGE.digest}"`,
        })
      }
    }
  })
  it.each([[DOCKER_MANIFEST], ['text/html'], ['*/*']])('serves OCI to who accepts %s', async (accept) => {
    await put('1.0', IMAGE.bytes)
    const { status, headers } = await server.ask('GET', at('1.0'), { headers: { accept } })
    expect([status, headers['content-type']]).toEqual([200, OCI_MANIFEST])
  })
  it('is 304 for who has it', async () => {
    await put('1.0', IMAGE.bytes)
    const headers = { 'if-none-match': `"${IMAGE.digest}"` }
    expect((await server.ask('GET', at('1.0'), { headers })).status).toBe(304)
  })
  it('ignores parameters of the Content-Type and answers without', async () => {
    await put('charset', IMAGE.bytes, `${OCI_MANIFEST}; charset=utf-8`)
    expect((await server.ask('GET', at('charset'))).headers['content-type']).toBe(OCI_MANIFEST)
  })
  it('keeps trailing white space, and a digest of other bytes is refused', async () => {
    const padded = testBlob(Buffer.concat([IMAGE.bytes, Buffer.from(' \n')]))
    const { status, code } = await put(IMAGE.digest, padded.bytes)
    expect([status, code]).toEqual([400, 'DIGEST_INVALID'])
    await put(padded.digest, padded.bytes)
    expect((await server.ask('GET', at(padded.digest))).bytes).toEqual(padded.bytes)
  })
  it('answers in the algorithm pushed', async () => {
    const { digest } = testBlob(IMAGE.bytes, 'sha512')
    const { headers } = await put(`${digest}?tag=sha512`, IMAGE.bytes)
    expect([headers['docker-content-digest'], headers['oci-tag']]).toEqual([digest, 'sha512'])
    for (const reference of [digest, 'sha512']) {
      expect((await server.ask('HEAD', at(reference))).headers['docker-content-digest']).toBe(digest)
    }
  })
  it('names the subject, which need not be there', async () => {
    const subject = testImage({ annotations: { never: 'pushed' } })
    const { headers } = await putManifest(server, 'dev/app', testReferrer(subject, 'application/sbom'))
    expect(headers['oci-subject']).toBe(subject.digest)
  })
  it('takes an index, nested and empty', async () => {
    const child = testImage({ annotations: { child: '1' } })
    await put('child', child.bytes)
    const parent = testIndex([child])
    const grandparent = testIndex([{ ...parent, mediaType: OCI_INDEX }])
    for (const index of [parent, grandparent, testIndex([])]) {
      expect((await put(index.digest, index.bytes, OCI_INDEX)).status).toBe(201)
    }
  })
})

describe('tags', () => {
  it('several with one PUT by digest', async () => {
    const tags = Array.from({ length: 12 }, (_, i) => `many-${i}`)
    const query = [...tags, 'many-0'].map((tag) => `tag=${tag}`).join('&')
    const { headers } = await put(`${IMAGE.digest}?${query}`, IMAGE.bytes)
    expect(headers['oci-tag']).toBe(tags.join(', '))
    expect((await server.ask('HEAD', at('many-11'))).status).toBe(200)
  })
  it('names those accepted only', async () => {
    const [one, two] = [testImage({ annotations: { v: '1' } }), testImage({ annotations: { v: '2' } })]
    await put('v1', one.bytes)
    const { status, headers } = await put(`${two.digest}?tag=v1&tag=w1`, two.bytes)
    expect([status, headers['oci-tag']]).toEqual([201, 'w1'])
    expect((await server.ask('HEAD', at('v1'))).headers['docker-content-digest']).toBe(one.digest)
  })
  it.each([['v2'], ['DIGEST?tag=v2']])(
    'a rule that refuses all of %s is 409, and nothing is stored',
    async (to) => {
      const one = testImage({ annotations: { to, n: '1' } })
      const two = testImage({ annotations: { to, n: '2' } })
      await server.ask('DELETE', at('v2'))
      expect((await put('v2', one.bytes)).status).toBe(201)
      expect((await put('v2', one.bytes)).status).toBe(201)
      const { status, code, document } = await put(to.replace('DIGEST', two.digest), two.bytes)
      expect([status, code]).toEqual([409, 'DENIED'])
      expect(document.errors?.[0]?.detail).toEqual([
        expect.objectContaining({ tag: 'v2', rule: 'immutable' }),
      ])
      expect((await server.ask('HEAD', at(two.digest))).status).toBe(404)
    },
  )
  it('more than a hundred is 414', async () => {
    const query = Array.from({ length: 101 }, (_, i) => `tag=t${i}`).join('&')
    const { status, code } = await put(`${IMAGE.digest}?${query}`, IMAGE.bytes)
    expect([status, code]).toEqual([414, 'UNSUPPORTED'])
  })
  it.each([['.hidden'], ['-x'], ['a'.repeat(129)], ['a+b']])('%.20s is not one', async (tag) => {
    for (const reference of [tag, `${IMAGE.digest}?tag=${encodeURIComponent(tag)}`]) {
      const { status, code } = await put(reference, IMAGE.bytes)
      expect([status, code]).toEqual([400, 'MANIFEST_INVALID'])
    }
    expect((await server.ask('GET', at(tag))).code).toBe('MANIFEST_UNKNOWN')
  })
  it('does not echo what a terminal would obey', async () => {
    const { status, bytes } = await put(`${IMAGE.digest}?tag=%1b%5b31m%0d%0aX%3a1%c2%9b`, IMAGE.bytes)
    expect(status).toBe(400)
    expect(bytes.toString()).toMatch(/^[\x20-\x7e\ufffd]+$/)
    expect(bytes.toString()).not.toContain('\\u00')
  })
})

describe('what is refused', () => {
  const text = (fields: object) => JSON.stringify({ schemaVersion: 2, ...fields })
  it.each<[string, string, string, number, string]>([
    ['no JSON', 'x', OCI_MANIFEST, 400, 'MANIFEST_INVALID'],
    ['nothing', '', OCI_MANIFEST, 400, 'MANIFEST_INVALID'],
    ['deep JSON', '['.repeat(100_000), OCI_MANIFEST, 400, 'MANIFEST_INVALID'],
    ['another mediaType', text({ mediaType: OCI_INDEX }), OCI_MANIFEST, 400, 'MANIFEST_INVALID'],
    ['both kinds', text({ manifests: [], layers: [] }), OCI_INDEX, 400, 'MANIFEST_INVALID'],
    ['no known type', '{}', 'application/json', 415, 'MANIFEST_INVALID'],
    ['no type', '{}', '', 415, 'MANIFEST_INVALID'],
  ])('%s', async (_, body, type, status, code) => {
    const answer = await put('bad', body, type)
    expect([answer.status, answer.code]).toEqual([status, code])
    expect((await server.ask('HEAD', at('bad'))).status).toBe(404)
  })
  it('a manifest whose blob is not in this repository, naming it', async () => {
    const layer = testBlob('never pushed')
    const link = { mediaType: 'application/x.layer', digest: layer.digest, size: layer.size }
    const image = testImage({ layers: [link] })
    const { status, code, document } = await put('incomplete', image.bytes)
    expect([status, code]).toEqual([400, 'MANIFEST_BLOB_UNKNOWN'])
    expect(document.errors?.[0]?.detail).toMatchObject({ digest: layer.digest })
    await pushBlob(server, 'dev/elsewhere', layer)
    expect((await put('incomplete', image.bytes)).code).toBe('MANIFEST_BLOB_UNKNOWN')
  })
  it.each<[string, Record<string, string>]>([
    ['announced', {}],
    ['not announced', { 'transfer-encoding': 'chunked' }],
  ])('more than 4 MiB, %s: 413', async (_, framing) => {
    const body = Buffer.alloc(4 * 1024 * 1024 + 1, ' ')
    const headers = { 'content-type': OCI_MANIFEST, ...framing }
    const { status, code } = await server.ask('PUT', at('big'), { body, headers })
    expect([status, code]).toEqual([413, 'MANIFEST_INVALID'])
  })
  it('but 4 MiB exactly are taken', async () => {
    const padding = 4 * 1024 * 1024 - testManifest(OCI_INDEX, { manifests: [], x: '' }).size
    const big = testManifest(OCI_INDEX, { manifests: [], x: 'x'.repeat(padding) })
    expect(big.size).toBe(4 * 1024 * 1024)
    expect((await put(big.digest, big.bytes, OCI_INDEX)).status).toBe(201)
  })
})

describe('DELETE', () => {
  it('of a tag leaves the manifest; of a digest takes its tags with it', async () => {
    const image = testImage({ annotations: { to: 'delete' } })
    await pushImage(server, 'dev/app', image, 'gone-1')
    await putManifest(server, 'dev/app', image, 'gone-2')
    expect((await server.ask('DELETE', at('gone-1'))).status).toBe(202)
    expect((await server.ask('GET', at('gone-1'))).code).toBe('MANIFEST_UNKNOWN')
    expect((await server.ask('GET', at('gone-2'))).status).toBe(200)
    expect((await server.ask('DELETE', at(image.digest))).status).toBe(202)
    for (const reference of ['gone-2', image.digest]) {
      for (const method of ['GET', 'HEAD', 'DELETE']) {
        expect((await server.ask(method, at(reference))).status).toBe(404)
      }
    }
  })
  it('of what is no reference is 404', async () => {
    expect((await server.ask('DELETE', at('.x'))).code).toBe('MANIFEST_UNKNOWN')
  })
})
