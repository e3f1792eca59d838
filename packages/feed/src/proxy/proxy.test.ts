import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { openRegistry } from '@sluice/oci'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CONFIG, LAYER, testIndex, testReferrer } from '../test-images.ts'
import { putManifest } from '../test-push.ts'
import { IMAGE, NEXT, startFilledProxy, startTestProxy, type TestProxy, THERE } from './test-proxy.ts'

const MISSING = `sha256:${'0'.repeat(64)}`

let world: TestProxy
beforeEach(async () => {
  world = await startFilledProxy()
})
afterEach(() => world[Symbol.asyncDispose]())

const ask: TestProxy['ask'] = (...args) => world.ask(...args)
const asked: TestProxy['asked'] = (...args) => world.asked(...args)
const kill: TestProxy['kill'] = (...args) => world.kill(...args)
const away: TestProxy['away'] = (...args) => world.away(...args)

/** An upstream that wants to do harm. */
describe('an upstream that serves without end', () => {
  const serve = (answer: (res: ServerResponse, req: IncomingMessage) => void) => {
    const server = createServer((req, res) => answer(res, req))
    return new Promise<{ url: string; close: () => void }>((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a server on TCP has one
        const { port } = server.address() as AddressInfo
        const close = () => {
          server.closeAllConnections()
          server.close()
        }
        resolve({ url: `http://127.0.0.1:${port}`, close })
      })
    })
  }
  it.each([
    [
      'a manifest',
      'manifests/v1',
      (res: ServerResponse, req: IncomingMessage) => {
        res.writeHead(200, {
          'content-type': IMAGE.mediaType,
          'content-length': 2 ** 40,
          'docker-content-digest': IMAGE.digest,
        })
        if (req.method === 'HEAD') return res.end()
        const more = () => {
          while (!res.destroyed && res.write(Buffer.alloc(65_536, ' ')));
        }
        res.on('drain', more)
        return more()
      },
    ],
    [
      'pages of tags',
      'tags/list',
      (res: ServerResponse, req: IncomingMessage) => {
        const next = Number(new URL(req.url ?? '', 'http://x').searchParams.get('last') ?? 0) + 1
        res.writeHead(200, { link: `</v2/dev/library/app/tags/list?last=${next}>; rel="next"` })
        res.end(JSON.stringify({ tags: Array.from({ length: 1000 }, (_, i) => `t${next}-${i}`) }))
      },
    ],
  ])('%s is given up', async (_, path, answer) => {
    const evil = await serve(answer)
    const registry = openRegistry({ baseUrl: evil.url, plainHttp: 'loopback' })
    const repository = registry.repository('dev/library/app')
    const upstreams = { open: async () => ({ repository }), noteUse: () => {}, noteContact: () => {} }
    await world[Symbol.asyncDispose]()
    world = await startTestProxy({ upstreams, limits: { upstreamMs: 5_000 } })
    expect([400, 502, 503]).toContain((await ask('GET', path)).status)
    registry.close()
    evil.close()
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
