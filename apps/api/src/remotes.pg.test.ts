import { randomBytes } from 'node:crypto'
import http from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { openStore } from '@sluice/store'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { basic, PASSWORD, pushImage, startTestService, type TestService } from './test-service.ts'

// The registry elsewhere is another Sluice, with accounts of its own: challenges and tokens are real.
let far: TestService
let near: TestService
beforeAll(async () => {
  far = await startTestService()
  near = await startTestService()
  await far.person('puller', { dev: ['pull'] })
}, 120_000)
afterAll(async () => {
  await near[Symbol.asyncDispose]()
  await far[Symbol.asyncDispose]()
})

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a server on TCP has one
const portOf = (server: http.Server): number => (server.address() as AddressInfo).port
const fresh = (word: string) => `${word}-${randomBytes(4).toString('hex')}`
const credentials = { type: 'basic', username: 'puller', password: PASSWORD }

const make = async (over: object = {}, feed: object = {}) => {
  const name = fresh('far')
  const remote = { url: far.url, prefix: 'dev', credentials, plainHttp: 'loopback', ...over }
  const body = { name, kind: 'remote', stage: 'far', remote, ...feed }
  const made = await near.call('createFeed', near.admin, { body })
  expect(made.status).toBe(201)
  return made.body
}

const pushThere = (repository: string, tag: string) =>
  pushImage(far.url, `dev/${repository}`, tag, {
    content: randomBytes(8).toString('hex'),
    authorization: basic('admin'),
  })

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

describe('a connection test', () => {
  const tried = async (over: object, body: object = {}) => {
    const { name } = await make(over)
    const answer = await near.call('testConnection', near.admin, { params: { feed: name }, body })
    expect(answer.status).toBe(200)
    expect(JSON.stringify(answer.body)).not.toContain(PASSWORD)
    return answer.body
  }

  test('says step by step that it works', async () => {
    const repository = fresh('seen')
    await pushThere(repository, '1')
    expect(await tried({}, { repository })).toMatchObject({
      ok: true,
      host: new URL(far.url).host,
      steps: [
        { step: 'connect', ok: true },
        { step: 'read', ok: true, message: expect.stringContaining(`dev/${repository}`) },
      ],
    })
  })

  test.each([
    ['a wrong password', { credentials: { ...credentials, password: 'wrong wrong' } }, 'credentials'],
    ['a closed port', { url: 'http://127.0.0.1:1', credentials: null }, 'try again'],
  ])('with %s says what to do', async (_what, over, words) => {
    expect(await tried(over)).toMatchObject({
      ok: false,
      steps: [{ step: 'connect', ok: false }],
      message: expect.stringContaining(words),
    })
  })

  test('of a repository that may not be read says so', async () => {
    expect(await tried({ prefix: 'trusted' }, { repository: 'app' })).toMatchObject({
      ok: false,
      steps: [
        { step: 'connect', ok: true },
        { step: 'read', ok: false },
      ],
    })
  })

  test('is for administrators of the feed, and of a remote one', async () => {
    const { name } = await make()
    const viewer = await near.person(fresh('viewer'), {})
    expect((await near.call('testConnection', viewer, { params: { feed: name }, body: {} })).status).toBe(404)
    const hosted = await near.call('testConnection', near.admin, { params: { feed: 'dev' }, body: {} })
    expect(hosted).toMatchObject({ status: 400, body: { errors: [{ field: 'feed' }] } })
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

const notify = (feed: string, authorization: string | undefined, events: object[]) =>
  near.call('notifyFeed', undefined, {
    params: { feed },
    body: { events },
    ...(authorization !== undefined && { headers: { authorization } }),
  })
const keyOf = async (feed: string) =>
  (await near.call('getNotificationKey', near.admin, { params: { feed } })).body

/** What a worker does when it hears of a notification. */
async function workerLooks() {
  const worker = await openStore({ url: near.workerUrl, secret: near.secret })
  const compared = await worker.remotes.followHints(() => undefined)
  await worker.close()
  return compared
}

describe('notifications of a registry', () => {
  test('are taken with the key of their feed alone, and make it look', async () => {
    const { name } = await make({}, { trusted: true })
    const other = await make()
    const { url, authorization } = await keyOf(name)
    expect(url).toBe(`${near.url}/api/v1/feeds/${name}/notifications`)
    const events = [{ action: 'push', target: { repository: 'dev/app', tag: '1.0.0' } }, { action: 'delete' }]
    await pushThere('app', '1.0.0')
    const query = { repository: 'app' }
    expect((await near.call('listTags', near.admin, { params: { feed: name }, query })).status).toBe(200)
    expect((await notify(name, authorization, events)).status).toBe(202)
    expect(await workerLooks()).toEqual({ raised: 1, resolved: 0 })
    const alerts = await near.call('listAlerts', near.admin, { query: { feed: name, state: 'open' } })
    expect(alerts.body.items).toMatchObject([{ repository: 'app', tag: '1.0.0', expected: null }])
    for (const wrong of [undefined, 'Bearer x', (await keyOf(other.name)).authorization]) {
      expect((await notify(name, wrong, events)).status).toBe(401)
    }
    expect((await notify('dev', authorization, events)).status).toBe(401)
    expect((await notify('nothing', authorization, events)).status).toBe(401)
    expect((await near.call('getNotificationKey', near.admin, { params: { feed: 'dev' } })).status).toBe(400)
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

describe('alerts', () => {
  const resolve = (token: string | undefined, id: string, resolution: string, comment = 'looked into it') =>
    near.call('resolveAlert', token, { params: { id }, body: { resolution, comment } })

  /** A tag in the registry of a trusted feed that no promotion put there. */
  async function raised() {
    const { name } = await make({}, { trusted: true })
    const repository = fresh('app')
    await pushThere(repository, '1.0.0')
    await near.call('listTags', near.admin, { params: { feed: name }, query: { repository } })
    const events = [{ target: { repository: `dev/${repository}`, tag: '1.0.0' } }]
    await notify(name, (await keyOf(name)).authorization, events)
    expect((await workerLooks()).raised).toBe(1)
    const open = await near.call('listAlerts', near.admin, { query: { feed: name, state: 'open' } })
    expect(open.body).toMatchObject({
      items: [{ feed: name, repository, tag: '1.0.0', resolved: null }],
      next: null,
    })
    return { name, repository, id: String(open.body.items[0].id) }
  }

  test('are listed to who sees the feed', async () => {
    const { name } = await raised()
    const viewer = await near.person(fresh('viewer'), {})
    const puller = await near.person(fresh('puller'), { [name]: ['pull'] })
    const list = (token: string | undefined) => near.call('listAlerts', token, { query: { feed: name } })
    expect((await list(puller)).body.items).toHaveLength(1)
    expect((await list(viewer)).body.items).toEqual([])
    expect((await list(undefined)).status).toBe(401)
  })

  test('are accepted by who administers the feed, with a reason, once', async () => {
    const { name, id } = await raised()
    const viewer = await near.person(fresh('viewer'), {})
    const puller = await near.person(fresh('puller'), { [name]: ['pull'] })
    expect(await resolve(undefined, id, 'accepted')).toMatchObject({ status: 401 })
    expect(await resolve(viewer, id, 'accepted')).toMatchObject({ status: 404, body: { code: 'not_found' } })
    expect(await resolve(puller, id, 'accepted')).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    for (const [resolution, comment, field] of [
      ['gone', 'x', 'resolution'],
      ['accepted', '', 'comment'],
      ['accepted', '  ', 'comment'],
      ['accept-removed', 'it is there, and not gone', 'resolution'],
    ] as const) {
      const answer = await resolve(near.admin, id, resolution, comment)
      expect(answer).toMatchObject({ status: 400, body: { errors: [{ field }] } })
    }
    expect(await resolve(near.admin, id, 'accepted')).toMatchObject({
      status: 200,
      body: { id, resolved: { by: 'admin', resolution: 'accepted', comment: 'looked into it' } },
    })
    expect(await resolve(near.admin, id, 'accepted')).toMatchObject({
      status: 409,
      body: { code: 'already_decided' },
    })
    const nothing = await resolve(near.admin, '01931b2e-0000-7000-8000-000000000000', 'accepted')
    expect(nothing.status).toBe(404)
    const audit = await near.call('listAudit', near.admin, { query: { subject: `alert:${id}` } })
    expect(audit.body.items.map(({ type }: { type: string }) => type).sort()).toEqual([
      'alert.raised',
      'alert.resolved',
    ])
  })

  test('are restored only where the registry says so', async () => {
    const { repository, id } = await raised()
    expect(await resolve(near.admin, id, 'restored')).toMatchObject({
      status: 409,
      body: { code: 'tag_alerted', detail: expect.stringContaining('put it back there first') },
    })
    const removed = await fetch(`${far.url}/v2/dev/${repository}/manifests/1.0.0`, {
      method: 'DELETE',
      headers: { authorization: basic('admin') },
    })
    expect(removed.status).toBe(202)
    expect(await resolve(near.admin, id, 'restored')).toMatchObject({
      status: 200,
      body: { resolved: { resolution: 'restored', by: null } },
    })
  })
})
