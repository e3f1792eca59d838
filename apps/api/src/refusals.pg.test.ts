import { once } from 'node:events'
import net from 'node:net'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { basic, pushImage, startTestService, type TestService } from './test-service.ts'

let service: TestService
let owner: Client
let ci: string
let alice: string
let digest: string
let open: string

beforeAll(async () => {
  service = await startTestService()
  ci = await service.person('ci', { dev: ['pull', 'push'], trusted: ['request', 'pull', 'approve'] })
  alice = await service.person('alice', { trusted: ['approve', 'pull'] })
  digest = await pushImage(service.url, 'dev/app', '1.0.0', { content: 'x', authorization: basic('ci') })
  await pushImage(service.url, 'dev/other', '1.0.0', { content: 'y', authorization: basic('ci') })
  open = (await service.call('createRequest', ci, { body: { lane: 'dev-to-trusted', image: 'other:1.0.0' } }))
    .body.id
  owner = new Client({ connectionString: service.ownerUrl })
  await owner.connect()
}, 60_000)
afterAll(async () => {
  await owner.end()
  await service[Symbol.asyncDispose]()
})

/** Everything that a decision would write. */
async function state(): Promise<unknown> {
  const { rows } = await owner.query(`select
    (select count(*) from audit_entry) as entries, (select count(*) from request) as requests,
    (select count(*) from approval) as approvals, (select count(*) from promotion) as promotions,
    (select string_agg(id || state, ',' order by id) from request) as states`)
  return rows[0]
}

const nowhere = `sha256:${'0'.repeat(64)}`

type Refusal = [what: string, body: object, status: number, code: string, field?: string]

const requests: Refusal[] = [
  ['no tag and no digest', { image: 'app' }, 400, 'invalid', 'image'],
  ['upper case', { image: 'App:1' }, 400, 'invalid', 'image'],
  ['a bad tag', { image: 'app:-1' }, 400, 'invalid', 'image'],
  ['a short digest', { image: 'app@sha256:abc' }, 400, 'invalid', 'image'],
  ['a server without the feed', { image: 'registry.example/app:1.0.0' }, 400, 'invalid', 'image'],
  ['another feed', { image: 'localhost:8080/trusted/app:1.0.0' }, 409, 'lane_source', 'image'],
  [
    'an item of another feed',
    { items: [{ image: 'app:1.0.0' }, { image: 'registry.example/nowhere/app:1.0.0' }] },
    409,
    'lane_source',
    'items[1].image',
  ],
  [
    'the feed that a rollback does not take from',
    { kind: 'rollback', image: 'localhost/dev/app:1.0.0', targetTags: ['a'], reason: 'x' },
    409,
    'lane_source',
    'image',
  ],
  [
    'the feed that a restore does not take from',
    { kind: 'restore', image: `localhost/dev/app@DIGEST`, reason: 'x' },
    409,
    'lane_source',
    'image',
  ],
  ['terminal sequences', { image: 'app\u001b[2J:1' }, 400, 'invalid', 'image'],
  ['by digest without target tags', { image: `app@DIGEST` }, 400, 'invalid', 'targetTags'],
  [
    'one bad item of two',
    { items: [{ image: 'app:1.0.0' }, { image: 'x' }] },
    400,
    'invalid',
    'items[1].image',
  ],
  ['a target twice', { image: 'app:1.0.0', targetTags: ['a', 'a'] }, 400, 'invalid', 'targetTags'],
  ['an unknown field', { image: 'app:1.0.0', tag: 'x' }, 400, 'invalid', 'tag'],
  ['no image', {}, 400, 'invalid', 'image'],
  ['a NUL', { image: 'app:1.0.0', reason: 'a\0b' }, 400, 'invalid', 'reason'],
  ['half of a surrogate pair', { image: 'app:1.0.0', links: { a: '\ud800' } }, 400, 'invalid', 'links.a'],
  ['an unknown lane', { lane: 'nowhere', image: 'app:1.0.0' }, 404, 'not_found'],
  ['a tag that is not there', { image: 'app:9.9.9' }, 404, 'tag_unknown'],
  ['a repository that is not there', { image: 'none:1' }, 404, 'tag_unknown'],
  ['a digest that is not there', { image: `app@${nowhere}`, targetTags: ['1'] }, 404, 'digest_unknown'],
]

test.each(requests)(
  'request, %s: a problem document, and nothing changed',
  async (_, fields, status, code, field) => {
    const before = await state()
    const body = JSON.parse(JSON.stringify({ lane: 'dev-to-trusted', ...fields }).replace('DIGEST', digest))
    for (const id of ['createRequest', 'evaluateRequest'] as const) {
      const answer = await service.call(id, ci, { body })
      expect(answer).toMatchObject({ status, body: { status, code } })
      const fields = answer.body.errors.map((error: { field: string }) => error.field)
      expect(field === undefined || fields.includes(field)).toBe(true)
      expect(answer.body.detail).not.toMatch(/\p{Cc}/u)
    }
    expect(await state()).toEqual(before)
  },
)

test('a tag and a digest that do not belong together: 409 naming both', async () => {
  const other = (await service.call('getRequest', ci, { params: { id: open } })).body.digest
  const before = await state()
  const answer = await service.call('createRequest', ci, {
    body: { lane: 'dev-to-trusted', image: `app:1.0.0@${other}` },
  })
  expect(answer.status).toBe(answer.body.code === 'digest_mismatch' ? 409 : 404)
  expect(await state()).toEqual(before)
})

test.each([
  ['the requester', () => ci, {}, 403, 'self_approval'],
  ['another digest', () => alice, { digest: nowhere }, 409, 'digest_mismatch'],
  ['a digest that is none', () => alice, { digest: 'sha256:x' }, 400, 'invalid'],
  ['a decision that is none', () => alice, { decision: 'maybe' }, 400, 'invalid'],
  ['an administrator without the grant', () => alice, {}, 403, 'forbidden'],
])('approval by %s: refused, and nothing changed', async (what, token, fields, status, code) => {
  const { digest: pinned } = (await service.call('getRequest', ci, { params: { id: open } })).body
  const who = what.startsWith('an administrator') ? await adminWithoutGrant() : token()
  const before = await state()
  const answer = await service.call('decideRequest', who, {
    params: { id: open },
    body: { decision: 'approve', digest: pinned, ...fields },
  })
  expect(answer).toMatchObject({ status, body: { code } })
  expect(await state()).toEqual(before)
})

async function adminWithoutGrant(): Promise<string> {
  await service.call('createUser', service.admin, {
    body: { username: 'root2', password: 'correct horse', roles: ['admin'] },
  })
  return service.signIn('root2')
}

test('a second approval by the same person: 409', async () => {
  // A second administrator would have to confirm the lane.
  await service.call('deleteUser', service.admin, { params: { name: 'root2' } })
  const lane = { name: 'two', from: 'dev', to: 'trusted', policy: { gates: { quorum: [{ count: 2 }] } } }
  expect((await service.call('createLane', service.admin, { body: lane })).status).toBe(201)
  const asked = await service.call('createRequest', ci, { body: { lane: 'two', image: 'app:1.0.0' } })
  const { id } = asked.body
  const approve = () =>
    service.call('decideRequest', alice, { params: { id }, body: { decision: 'approve', digest } })
  expect(await approve()).toMatchObject({ status: 201, body: { state: 'PENDING' } })
  const before = await state()
  expect(await approve()).toMatchObject({ status: 409, body: { code: 'already_decided' } })
  expect(await state()).toEqual(before)
})

test('a lane into a trusted feed is written by who administers both', async () => {
  const body = { name: 'mine', from: 'dev', to: 'trusted' }
  expect((await service.call('createLane', alice, { body })).status).toBe(404)
  const devAdmin = await service.person('devadmin', { dev: ['admin'], trusted: ['pull'] })
  expect((await service.call('createLane', devAdmin, { body })).status).toBe(403)
  const wrong = await service.call('createLane', service.admin, { body: { ...body, policy: { quorum: 1 } } })
  expect(wrong).toMatchObject({ status: 400, body: { code: 'invalid' } })
  expect(wrong.body.errors.length).toBeGreaterThan(0)
})

const hostile: [
  string,
  { body?: string; headers?: Record<string, string>; method?: string; path?: string },
  number,
][] = [
  ['no JSON', { body: '{' }, 400],
  ['a JSON text that is neither object nor array', { body: '"x"' }, 400],
  ['no body', {}, 400],
  ['another content type', { body: '{}', headers: { 'content-type': 'text/plain' } }, 415],
  ['an encoding', { body: '{}', headers: { 'content-encoding': 'gzip' } }, 415],
  ['another charset', { body: '{}', headers: { 'content-type': 'application/json; charset=latin1' } }, 415],
  ['more than 1 MiB', { body: JSON.stringify({ reason: 'x'.repeat(1_100_000) }) }, 413],
  ['deep nesting', { body: '['.repeat(100_000) + ']'.repeat(100_000) }, 400],
  ['an unknown path', { path: '/api/v1/nothing', method: 'GET' }, 404],
  ['an unknown path outside', { path: '/nothing', method: 'GET' }, 404],
  ['a bad escape', { path: '/api/v1/users/%E0%A4%A', method: 'GET' }, 400],
  ['a NUL', { path: '/api/v1/feeds/a%00b', method: 'GET' }, 404],
  ['an id that is none', { path: '/api/v1/requests/1', method: 'GET' }, 404],
  ['another method', { path: '/api/v1/lanes', method: 'DELETE' }, 405],
  ['a limit of words', { path: '/api/v1/requests?limit=many', method: 'GET' }, 400],
  ['a limit of 0', { path: '/api/v1/requests?limit=0', method: 'GET' }, 400],
  ['two limits', { path: '/api/v1/requests?limit=1&limit=2', method: 'GET' }, 400],
  ['a cursor of ours that is none', { path: '/api/v1/requests?after=x', method: 'GET' }, 400],
  ['a filter with a NUL', { path: '/api/v1/requests?requester=a%00', method: 'GET' }, 400],
  ['a time before time', { path: '/api/v1/promotions?since=0000-01-01T00:00:00Z', method: 'GET' }, 400],
  ['an option that the call has not', { path: '/api/v1/requests?wait=1', body: '{}' }, 400],
  ['an unknown filter', { path: '/api/v1/requests?stat=PENDING', method: 'GET' }, 400],
]

test.each(hostile)(
  '%s: a problem document',
  async (_, { body, headers = {}, method = 'POST', path = '/api/v1/requests' }, status) => {
    const answer = await service.ask(method, path, { token: ci, body, headers })
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
    expect(answer).toMatchObject({ status, body: { status, requestId: answer.headers.get('x-request-id') } })
  },
)

test('a sane X-Request-Id is kept, another replaced', async () => {
  const echoed = async (id: string) =>
    (await service.ask('GET', '/healthz', { headers: { 'x-request-id': id } })).headers.get('x-request-id')
  expect(await echoed('build-17.a_b')).toBe('build-17.a_b')
  expect(await echoed('a b"')).toMatch(/^[0-9a-f-]{36}$/)
})

test('a database that is away: 503 with Retry-After everywhere, and back with it', async () => {
  await using line = new DatabaseLine()
  await using away = await startTestService({}, { through: (url) => line.open(url) })
  const { admin, ask } = away
  const answers = () =>
    Promise.all([
      ask('GET', '/api/v1/feeds', { token: admin }),
      ask('GET', '/api/v1/promotions', { token: admin }),
      ask('GET', '/readyz'),
      ask('GET', '/token', { headers: { authorization: basic('admin') } }),
      ask('GET', '/v2/dev/app/manifests/1', { headers: { authorization: basic('admin') } }),
    ])
  const good = [200, 200, 200, 200, 404]
  expect((await answers()).map(({ status }) => status)).toEqual(good)
  await line.cut()
  for (const { status, headers } of await answers()) {
    expect([status, headers.get('retry-after')]).toEqual([503, '2'])
  }
  expect((await ask('GET', '/healthz')).status).toBe(200)
  await line.mend()
  expect((await answers()).map(({ status }) => status)).toEqual(good)
}, 60_000)

/** A way to the database that can be cut: connections break, new ones are refused. */
class DatabaseLine {
  #server = net.createServer()
  #port = 0
  readonly #sockets = new Set<net.Socket>()

  async open(databaseUrl: string): Promise<string> {
    const url = new URL(databaseUrl)
    const target = { host: url.hostname, port: Number(url.port) }
    this.#server.on('connection', (socket) => {
      const onward = net.connect(target)
      for (const end of [socket, onward]) {
        this.#sockets.add(end)
        end
          .on('error', () => undefined)
          .on('close', () => {
            this.#sockets.delete(end)
            socket.destroy()
            onward.destroy()
          })
      }
      socket.pipe(onward).pipe(socket)
    })
    await this.mend()
    url.host = `127.0.0.1:${this.#port}`
    return url.href
  }

  async mend(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    const address = this.#server.address()
    if (address !== null && typeof address === 'object') this.#port = address.port
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.cut()
  }

  async cut(): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}
