import { type Operation, type OperationId, operationIds, operations } from '@sluice/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Rule } from './access.ts'
import { routes } from './routes.ts'
import {
  type Answer,
  basic,
  PASSWORD,
  pushImage,
  startTestService,
  type TestService,
} from './test-service.ts'

let service: TestService
const tokens: Record<string, string | undefined> = {
  anonymous: undefined,
  'of nobody': `slu_${'0'.repeat(43)}`,
}
let request: string

beforeAll(async () => {
  service = await startTestService()
  const { admin, call } = service
  tokens['admin'] = admin
  tokens['ungranted'] = await service.person('ungranted')
  tokens['ci'] = await service.person('ci', { dev: ['pull', 'push'], trusted: ['request'] })
  await pushImage(service.url, 'dev/app', '1.0.0', { content: 'x', authorization: basic('ci') })
  request = (
    await call('createRequest', tokens['ci'], { body: { lane: 'dev-to-trusted', image: 'app:1.0.0' } })
  ).body.id
  const token = async (body: object) => (await call('createToken', admin, { body })).body.secret
  tokens['robot'] = await token({ name: 'bot', robot: 'bot', scopes: ['*'] })
  // An administrator's token for one purpose administers nothing.
  tokens['narrow'] = await token({ name: 'narrow', scopes: ['pull:dev'] })
}, 60_000)
afterAll(() => service[Symbol.asyncDispose]())

const params: Record<string, string> = {
  name: 'nobody',
  feed: 'dev',
  lane: 'dev-to-trusted',
  digest: `sha256:${'0'.repeat(64)}`,
  key: 'jira',
  site: 'nowhere',
}
const bodies: Partial<Record<OperationId, object>> = {
  createRequest: { lane: 'dev-to-trusted', image: 'app:1.0.0' },
  evaluateRequest: { lane: 'dev-to-trusted', image: 'app:1.0.0' },
  createLane: { name: 'x', from: 'dev', to: 'trusted' },
  breakGlass: { lane: 'dev-to-trusted', items: [{ image: 'app:1.0.0' }], reason: 'x' },
  createRecall: { digest: `sha256:${'0'.repeat(64)}`, feed: 'dev', reason: 'x' },
}

/** What a rule refuses a caller with; null: it admits, and the call itself answers. */
function refusal(rule: Rule, who: string): number | null {
  if (rule === 'anyone') return null
  if (who === 'anonymous' || who === 'of nobody') return 401
  if (rule === 'signed-in') return null
  if (rule === 'person') return who === 'robot' || who === 'narrow' ? 403 : null
  if ('role' in rule) return 403
  // No such alert, no such site.
  if ('alert' in rule || 'site' in rule) return 404
  // The feed dev, the lane out of it and its request: who has no verb on either feed is told nothing.
  if (who === 'narrow') {
    if ('feed' in rule) return ['see', 'pull'].includes(rule.feed) ? null : 403
    if ('lane' in rule) return rule.lane.to === 'see' ? null : 403
    return rule.request === 'see' ? null : 403
  }
  return 404
}

const callers = ['anonymous', 'of nobody', 'ungranted', 'robot', 'narrow']
// Who signs out is a stranger to what comes after: that has a test of its own.
const matrix = operationIds
  .filter((id) => id !== 'logout')
  .flatMap((id) => callers.map((who) => [id, who, refusal(routes[id].rule, who)] as const))

test.each(matrix)('%s by %s: %s', async (id, who, status) => {
  const operation: Operation = operations[id]
  const answer = await service.call(id, tokens[who], {
    params: { ...params, id: request },
    ...(operation.body && { body: bodies[id] ?? {} }),
  })
  const refused = [401, 403].includes(answer.status)
  expect(status === null ? refused : answer.status).toBe(status ?? false)
})

test.each(['anonymous', 'of nobody', 'ungranted', 'robot'])('the events of a request by %s', async (who) => {
  const answer = await service.ask('GET', `/api/v1/requests/${request}/events`, { token: tokens[who] })
  expect(answer.status).toBe(who === 'anonymous' || who === 'of nobody' ? 401 : 404)
})

test.each(['anonymous', 'of nobody'])('the events of lists by %s', async (who) => {
  expect((await service.ask('GET', '/api/v1/events', { token: tokens[who] })).status).toBe(401)
})

test('signing out ends the session that asks, and no other', async () => {
  const { call, person } = service
  expect((await call('logout', undefined, {})).status).toBe(401)
  await person('leaver')
  const signIn = async () =>
    (await call('login', undefined, { body: { username: 'leaver', password: PASSWORD } })).body.token
  const [one, two] = [await signIn(), await signIn()]
  expect((await call('logout', one, {})).status).toBe(204)
  expect((await call('getMe', one, {})).status).toBe(401)
  expect((await call('getMe', two, {})).status).toBe(200)
})

test('every operation has its row, and every row its operation', () => {
  expect(Object.keys(routes).sort()).toEqual(Object.keys(operations).sort())
})

test('a list answers with what the grants reach, and no more', async () => {
  const { call } = service
  const names = async (id: 'listFeeds' | 'listLanes', who: string) =>
    (await call(id, tokens[who])).body.items.map(({ name }: { name: string }) => name)
  expect(await names('listFeeds', 'ungranted')).toEqual([])
  expect(await names('listFeeds', 'narrow')).toEqual(['dev'])
  expect(await names('listFeeds', 'ci')).toEqual(['dev', 'trusted'])
  expect(await names('listLanes', 'ungranted')).toEqual([])
  expect((await call('listRequests', tokens['ungranted'])).body.items).toEqual([])
  expect((await call('listRequests', tokens['ci'])).body.items).toHaveLength(1)
})

test('what is not there and what may not be seen are answered alike', async () => {
  const { call } = service
  const strip = (answer: Answer, name: string) => {
    const { code, detail, errors } = answer.body
    return [answer.status, code, detail.replace(name, 'NAME'), errors]
  }
  const hidden = await call('getFeed', tokens['ungranted'], { params: { feed: 'trusted' } })
  const absent = await call('getFeed', tokens['ungranted'], { params: { feed: 'nothing' } })
  expect(strip(hidden, 'trusted')).toEqual(strip(absent, 'nothing'))
})

test('grants are replaced whole, and only as they were read', async () => {
  const { admin, call, ask } = service
  const at = { params: { feed: 'dev' } }
  const read = await call('getGrants', admin, at)
  const etag = read.headers.get('etag') ?? ''
  expect(etag).toMatch(/^"/)
  const put = (body: unknown, ifMatch: string) =>
    call('putGrants', admin, { ...at, body, headers: { 'if-match': ifMatch } })
  const changed = await put([...read.body.items, { principal: 'ungranted', verbs: ['pull'] }], etag)
  expect(changed.body.items).toContainEqual({ principal: 'user:ungranted', verbs: ['pull'] })
  expect(await put(read.body.items, etag)).toMatchObject({
    status: 412,
    body: { code: 'precondition_failed' },
  })
  const unknown = await put(
    [{ principal: 'user:nobody', verbs: ['pull'] }],
    changed.headers.get('etag') ?? '',
  )
  expect(unknown).toMatchObject({ status: 400, body: { errors: [{ field: '[0].principal' }] } })
  await put(read.body.items, changed.headers.get('etag') ?? '')
  expect((await ask('GET', '/api/v1/feeds/dev', { token: tokens['ungranted'] })).status).toBe(404)
})

test('a generated password is shown once and must be changed; a disabled user is out at once', async () => {
  const { admin, call, signIn } = service
  const made = await call('createUser', admin, { body: { username: 'newbie' } })
  expect(made.body).toMatchObject({
    username: 'newbie',
    mustChangePassword: true,
    password: expect.any(String),
  })
  const token = await signIn('newbie', made.body.password)
  expect((await call('getMe', token)).body).toMatchObject({
    name: 'newbie',
    mustChangePassword: true,
    roles: [],
  })
  expect((await call('createToken', token, { body: { name: 't', scopes: ['*'] } })).status).toBe(403)
  const change = (current: string) =>
    call('changePassword', token, { body: { current, next: 'another horse' } })
  expect(await change('wrong wrong')).toMatchObject({ status: 401, body: { code: 'credentials_invalid' } })
  expect((await change(made.body.password)).status).toBe(204)
  const login = await call('login', undefined, { body: { username: 'newbie', password: 'another horse' } })
  expect(login).toMatchObject({ status: 200, body: { mustChangePassword: false } })
  expect(
    (await call('updateUser', admin, { params: { name: 'newbie' }, body: { disabled: true } })).status,
  ).toBe(200)
  expect((await call('getMe', login.body.token)).status).toBe(401)
  expect(
    (await call('login', undefined, { body: { username: 'newbie', password: 'another horse' } })).status,
  ).toBe(401)
})

test('an API token is shown once, listed without its secret, and ends when revoked', async () => {
  const { admin, call } = service
  const made = await call('createToken', admin, { body: { name: 'once', scopes: ['*'], expiresAt: soon() } })
  expect(made.body.secret).toMatch(/^slu_/)
  expect(JSON.stringify((await call('listTokens', admin)).body)).not.toContain(made.body.secret)
  expect((await call('getMe', made.body.secret)).status).toBe(200)
  expect((await call('revokeToken', admin, { params: { id: made.body.id } })).status).toBe(204)
  expect((await call('getMe', made.body.secret)).status).toBe(401)
})

const soon = (): string => new Date(Date.now() + 3_600_000).toISOString()
