import http from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { credentials, fresh, openRemote, type Remote } from './test-remote.ts'
import { basic, PASSWORD } from './test-service.ts'

let far: Remote['far']
let near: Remote['near']
let make: Remote['make']
let pushThere: Remote['pushThere']
let close: Remote['close']
beforeAll(async () => {
  ;({ far, near, make, pushThere, close } = await openRemote())
}, 120_000)
afterAll(() => close())

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a server on TCP has one
const portOf = (server: http.Server): number => (server.address() as AddressInfo).port

describe('a remote feed', () => {
  test('is made, answered without its secrets, changed, and keeps its kind', async () => {
    const { name, id } = await make()
    const params = { feed: name }
    const got = await near.call('getFeed', near.admin, { params })
    expect(got.body).toMatchObject({
      kind: 'remote',
      quota: null,
      remote: { url: far.url, prefix: 'dev', credentials: { type: 'basic', username: 'puller', set: true } },
    })
    const change = (body: object) => near.call('updateFeed', near.admin, { params, body })
    expect((await change({ remote: { bandwidth: 1_000_000 } })).body.remote.bandwidth).toBe(1_000_000)
    expect((await change({ kind: 'remote', stage: 'prod' })).body).toMatchObject({
      kind: 'remote',
      stage: 'prod',
    })
    expect(await change({ kind: 'hosted' })).toMatchObject({ status: 409, body: { code: 'feed_fixed' } })
    expect(await change({ remote: { url: 'https://elsewhere.example' } })).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'remote.credentials' }] },
    })
    const audit = await near.call('listAudit', near.admin, { query: { subject: `feed:${id}` } })
    expect(audit.body.items).not.toHaveLength(0)
    const list = await near.call('listFeeds', near.admin)
    for (const { body } of [got, audit, list]) expect(JSON.stringify(body)).not.toContain(PASSWORD)
  })

  test.each([
    [{ kind: 'remote' }, 'remote'],
    [{ kind: 'hosted', remote: { url: 'https://r.example' } }, 'remote'],
    [{ kind: 'proxy' }, 'remote'],
    [{ kind: 'proxy', remote: { url: 'https://r.example' }, trusted: true }, 'trusted'],
    [{ kind: 'proxy', remote: { url: 'https://r.example' }, cache: { keepDays: 0 } }, 'cache.keepDays'],
    [{ kind: 'remote', remote: { url: 'https://r.example' }, cache: {} }, 'cache'],
    [{ kind: 'mirror' }, 'kind'],
    [{ kind: 'remote', remote: { url: 'https://r.example', timeout: 5 } }, 'remote.timeout'],
    [{ kind: 'remote', remote: { url: 'http://r.example' } }, 'remote.url'],
    [{ kind: 'remote', remote: { url: 'https://192.168.1.1' } }, 'remote.url'],
    [{ kind: 'remote', remote: { url: 'https://[fd00::1]' } }, 'remote.url'],
    [{ kind: 'remote', remote: { url: 'https://169.254.169.254' } }, 'remote.url'],
    [{ kind: 'remote', remote: { url: 'http://127.0.0.1' } }, 'remote.url'],
    [
      { kind: 'remote', remote: { url: 'https://r.example', credentials: { type: 'basic' } } },
      'remote.credentials.username',
    ],
    [{ kind: 'remote', remote: { url: 'https://r.example' }, quota: { bytes: 5 } }, 'quota'],
  ])('%j is refused at %s', async (over, field) => {
    const body = { name: fresh('bad'), stage: 'far', ...over }
    const answer = await near.call('createFeed', near.admin, { body })
    expect(answer.status).toBe(400)
    expect(answer.body.errors.map((error: { field: string }) => error.field)).toContain(field)
  })

  test('lists the tags of its registry in version order, page by page, with where to pull them', async () => {
    const { name } = await make()
    const repository = fresh('app')
    for (const tag of ['1.10.0', '1.9.0', '2.0.0']) await pushThere(repository, tag)
    const ask = (query: object) =>
      near.call('listTags', near.admin, { params: { feed: name }, query: { repository, ...query } })
    const first = await ask({ limit: '2' })
    expect(first.body.items.map(({ tag }: { tag: string }) => tag)).toEqual(['1.9.0', '1.10.0'])
    const there = await far.call('listTags', far.admin, { params: { feed: 'dev' }, query: { repository } })
    const { digest, size } = there.body.items[0]
    expect(first.body.items[0]).toMatchObject({
      digest,
      size,
      virtual: false,
      pullCommand: `docker pull ${new URL(far.url).host}/dev/${repository}:1.9.0`,
    })
    const second = await ask({ limit: '2', after: first.body.next })
    expect(second.body).toMatchObject({ items: [{ tag: '2.0.0' }], next: null })
    expect((await ask({ range: '^1' })).body.items).toHaveLength(2)
    const repositories = await near.call('listRepositories', near.admin, { params: { feed: name } })
    expect(repositories.body.items).toMatchObject([{ name: repository }])
    expect(repositories.body.note).toContain('not asked for its list')
    const hosted = await near.call('listRepositories', near.admin, { params: { feed: 'dev' } })
    expect(hosted.body.note).toBe(null)
    const nothing = await near.call('listTags', near.admin, {
      params: { feed: name },
      query: { repository: 'nothing' },
    })
    expect(nothing.status).toBe(404)
  })

  test.each([
    ['GET', 404, 'pull from'],
    ['HEAD', 404, ''],
    ['PUT', 405, 'promote'],
    ['DELETE', 405, 'promote'],
  ])('%s through /v2 says where it is', async (method, status, words) => {
    const { name } = await make({}, { trusted: true })
    const where = `/v2/${name}/app/manifests/1.0.0`
    const answer = await fetch(`${near.url}${where}`, {
      method,
      headers: { authorization: basic('admin') },
    })
    expect(answer.status).toBe(status)
    const text = await answer.text()
    if (method === 'HEAD') return
    expect(JSON.parse(text).errors).toMatchObject([
      { code: 'UNSUPPORTED', message: expect.stringContaining(words) },
    ])
    expect(text).toContain(`${new URL(far.url).host}/dev/app`)
    const stranger = await fetch(`${near.url}${where}`, { method })
    expect(stranger.status).toBe(401)
    expect(await stranger.text()).not.toContain(new URL(far.url).host)
  })
})

describe('a lane out of a remote feed', () => {
  test('makes requests of what its registry has, and tells of its drift', async () => {
    const { name } = await make()
    const lane = fresh('lane')
    const made = await near.call('createLane', near.admin, {
      body: { name: lane, from: name, to: 'trusted' },
    })
    expect(made.status).toBe(201)
    const repository = fresh('app')
    await pushThere(repository, '1.0.0')
    const body = { lane, image: `${repository}:1.0.0` }
    const evaluated = await near.call('evaluateRequest', near.admin, { body })
    expect(evaluated).toMatchObject({ status: 200, body: { items: [{ target: { address: null } }] } })
    const asked = await near.call('createRequest', near.admin, { body })
    expect(asked).toMatchObject({
      status: 201,
      body: { state: 'PENDING', source: { feed: name, repository, tag: '1.0.0' }, drift: null },
    })
    const got = await near.call('getRequest', near.admin, { params: { id: asked.body.id } })
    expect(got.body).toMatchObject({ digest: asked.body.digest, drift: null })
    // Wherever it is shown, it is pulled from where it is.
    const there = `${new URL(far.url).host}/dev`
    const { body: feed } = await near.call('getFeed', near.admin, { params: { feed: name } })
    expect(feed.address).toBe(there)
    const found = await near.call('getDigest', near.admin, { params: { digest: asked.body.digest } })
    expect(found.body.places).toContainEqual(
      expect.objectContaining({
        feed: name,
        pullCommand: `docker pull ${there}/${repository}@${asked.body.digest}`,
      }),
    )
  })

  test('whose pushers nobody knows cannot exclude them', async () => {
    const { name } = await make()
    const body = { name: fresh('lane'), from: name, to: 'trusted', policy: { gates: { pusher: 'excluded' } } }
    expect(await near.call('createLane', near.admin, { body })).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'policy.gates.pusher' }] },
    })
  })

  test.each([
    ['remote_refused', 502, { credentials: { ...credentials, password: 'wrong wrong' } }],
    ['remote_unavailable', 503, { url: 'http://127.0.0.1:1' }],
  ])('whose registry cannot be used is %s', async (code, status, over) => {
    const { name } = await make(over)
    const lane = fresh('lane')
    await near.call('createLane', near.admin, { body: { name: lane, from: name, to: 'trusted' } })
    const answer = await near.call('createRequest', near.admin, { body: { lane, image: 'app:1.0.0' } })
    expect(answer).toMatchObject({ status, body: { code, context: { feed: name } } })
    expect(answer.body.detail).toContain(`sluice feeds test ${name}`)
    expect(JSON.stringify(answer.body)).not.toContain('wrong wrong')
    const tags = await near.call('listTags', near.admin, {
      params: { feed: name },
      query: { repository: 'app' },
    })
    expect(tags).toMatchObject({ status, body: { code } })
  })
})

describe('secrets', () => {
  test('go to no other host, whatever the registry answers', async () => {
    const heard: string[] = []
    const thief = http.createServer((req, res) => {
      heard.push(`${req.url} ${req.headers.authorization ?? ''}`)
      res.end('{}')
    })
    thief.listen(0, '127.0.0.1')
    await once(thief, 'listening')
    const at = `http://127.0.0.1:${portOf(thief)}`
    const liar = http.createServer((req, res) => {
      if (req.url?.startsWith('/v2/app/manifests') === true) res.writeHead(307, { location: `${at}/x` }).end()
      else res.writeHead(401, { 'www-authenticate': `Bearer realm="${at}/token"` }).end()
    })
    liar.listen(0, '127.0.0.1')
    await once(liar, 'listening')
    const { name } = await make({
      url: `http://127.0.0.1:${portOf(liar)}`,
      prefix: '',
    })
    const lane = fresh('lane')
    await near.call('createLane', near.admin, { body: { name: lane, from: name, to: 'trusted' } })
    await near.call('testConnection', near.admin, { params: { feed: name }, body: {} })
    await near.call('createRequest', near.admin, { body: { lane, image: 'app:1.0.0' } })
    expect(heard.filter((line) => /Basic|token/.test(line))).toEqual([])
    for (const server of [thief, liar]) server.close()
  })
})
