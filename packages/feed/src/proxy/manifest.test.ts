import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LAYER } from '../test-images.ts'
import { putManifest } from '../test-push.ts'
import { IMAGE, NEXT, startFilledProxy, type TestProxy, THERE } from './test-proxy.ts'

let world: TestProxy
beforeEach(async () => {
  world = await startFilledProxy()
})
afterEach(() => world[Symbol.asyncDispose]())

const ask: TestProxy['ask'] = (...args) => world.ask(...args)
const asked: TestProxy['asked'] = (...args) => world.asked(...args)
const kill: TestProxy['kill'] = (...args) => world.kill(...args)
const away: TestProxy['away'] = (...args) => world.away(...args)

describe('a manifest by tag', () => {
  it('is asked about with every pull, and fetched when it changed', async () => {
    for (const method of ['GET', 'HEAD', 'GET']) {
      const { status, headers, bytes } = await ask(method, 'manifests/v1')
      expect([status, headers['docker-content-digest'], headers['content-type'], headers.warning]).toEqual([
        200,
        IMAGE.digest,
        IMAGE.mediaType,
        undefined,
      ])
      expect(bytes.equals(method === 'GET' ? IMAGE.bytes : Buffer.alloc(0))).toBe(true)
    }
    expect([asked('HEAD', 'manifests/v1'), asked('GET', 'manifests/')]).toEqual([3, 1])
    await putManifest(world.upstream, THERE, NEXT, 'v1')
    expect((await ask('GET', 'manifests/v1')).headers['docker-content-digest']).toBe(NEXT.digest)
    // By digest it stays what it was.
    expect((await ask('GET', `manifests/${IMAGE.digest}`)).status).toBe(200)
    expect(asked('GET', 'manifests/')).toBe(2)
  })
  it('is asked about once by all who pull it at the same moment', async () => {
    let release = () => {}
    const until = new Promise<void>((resolve) => (release = resolve))
    world.way.add({ method: 'HEAD', path: /manifests/, fault: { kind: 'hold', until } })
    const pulls = Array.from({ length: 20 }, () => ask('GET', 'manifests/v1'))
    await expect.poll(() => asked('HEAD', 'manifests/')).toBe(1)
    release()
    expect(new Set((await Promise.all(pulls)).map(({ status }) => status))).toEqual(new Set([200]))
    expect([asked('HEAD', 'manifests/v1'), asked('GET', 'manifests/')]).toEqual([1, 1])
  })
  it.each([
    ['is silent', () => kill()],
    ['has a fault', () => away(500)],
    ['answers 429', () => away(429, { 'retry-after': '120' })],
    ['answers what is no registry', () => away(418)],
  ])('is what it was while the upstream %s, and the answer says so', async (_, break_) => {
    await ask('GET', 'manifests/v1')
    break_()
    const { status, headers } = await ask('GET', 'manifests/v1')
    expect([status, headers['docker-content-digest']]).toEqual([200, IMAGE.digest])
    expect(headers.warning).toMatch(
      /^299 - "upstream 127\.0\.0\.1:\d+\/dev\/library not reachable since .*, served from cache: /,
    )
    expect(world.contact.get('f-hub')).toMatch(/./)
    world.way.heal()
    expect((await ask('GET', `blobs/${LAYER.digest}`)).status).toBe(200)
    // What answered is asked again at once.
    expect((await ask('GET', 'manifests/v1')).headers.warning).toBeUndefined()
    expect(world.contact.get('f-hub')).toBeNull()
  })
  it('of an upstream that is silent is asked about again after a pause only', async () => {
    await ask('GET', 'manifests/v1')
    kill()
    for (let i = 0; i < 5; i++) expect((await ask('GET', 'manifests/v1')).headers.warning).toBeDefined()
    // Two tries of one question.
    expect(asked('HEAD', 'manifests/v1')).toBe(1 + 2)
  })
  it.each([
    ['is gone upstream', 404, 404, 'MANIFEST_UNKNOWN'],
    ['is refused upstream', 403, 403, 'DENIED'],
    ['needs other credentials upstream', 401, 403, 'DENIED'],
  ])('that %s is not served from the cache', async (_, there, status, code) => {
    await ask('GET', 'manifests/v1')
    away(there)
    const answer = await ask('GET', 'manifests/v1')
    expect([answer.status, answer.code]).toEqual([status, code])
    // What a digest names was given to this feed, and is what it is.
    expect((await ask('GET', `manifests/${IMAGE.digest}`)).status).toBe(200)
  })
  it('that is gone upstream is forgotten: an upstream that fails later brings it not back', async () => {
    await ask('GET', 'manifests/v1')
    away(404)
    await ask('GET', 'manifests/v1')
    world.way.heal()
    kill()
    expect((await ask('GET', 'manifests/v1')).status).toBe(503)
  })
  it('with other bytes than its digest says is not kept', async () => {
    world.way.add({ method: 'GET', path: /manifests/, fault: { kind: 'corrupt', at: 30 } })
    const answer = await ask('GET', 'manifests/v1')
    expect([answer.status, answer.code]).toEqual([502, 'UNKNOWN'])
    world.way.heal()
    kill()
    expect((await ask('GET', `manifests/${IMAGE.digest}`)).status).toBe(503)
  })
})
