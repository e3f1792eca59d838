import { request } from 'node:http'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { basic, PASSWORD, startTestService, type TestService } from './test-service.ts'

const WINDOW_MS = 5 * 60_000

let service: TestService
let owner: Client
/** A minute into a window. */
let clock = Math.ceil(Date.now() / WINDOW_MS) * WINDOW_MS + 60_000

beforeAll(async () => {
  service = await startTestService({}, { now: () => clock })
  for (const name of ['basic', 'login', 'token', 'form']) await service.person(name, { dev: ['pull'] })
  owner = new Client({ connectionString: service.ownerUrl })
  await owner.connect()
}, 60_000)
afterAll(async () => {
  await owner.end()
  await service[Symbol.asyncDispose]()
})

/** Nine more wrong passwords of whoever has shown one. */
const nineMore = () => owner.query(`update rate_count set count = count + 9 where key like 'pair %'`)

const login = (username: string, password: string) =>
  service.call('login', undefined, { body: { username, password } })
const get = (where: string, authorization: string) =>
  service.ask('GET', where, { headers: { authorization } })
const form = (username: string, password: string) =>
  service.ask('POST', '/token', {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ grant_type: 'password', service: 'x', username, password }).toString(),
  })

test.each([
  ['login', login],
  ['token', (name: string, password: string) => get('/token', basic(name, password))],
  ['form', form],
  ['basic', (name: string, password: string) => get('/v2/', basic(name, password))],
] as const)(
  'wrong passwords by %s are told 429 and when to come again, and so is the right one',
  async (name, show) => {
    expect((await show(name, 'wrong 0')).status).toBe(401)
    await nineMore()
    for (const password of ['wrong 10', PASSWORD]) {
      const answer = await show(name, password)
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '240'])
      const { code } = name === 'basic' ? answer.body.errors[0] : answer.body
      const told = [code, answer.headers.get('content-type')?.split(';')[0]]
      const problem = ['rate_limited', 'application/problem+json']
      expect(told).toEqual(name === 'basic' ? ['TOOMANYREQUESTS', 'application/json'] : problem)
      expect(JSON.stringify(answer.body)).toContain('240 seconds')
    }
    clock += WINDOW_MS
    expect((await show(name, PASSWORD)).status).toBe(200)
  },
)

test('a push that is refused so has the whole answer, also where the client still sends', async () => {
  await login('basic', 'another wrong one')
  await nineMore()
  const { port } = new URL(service.url)
  const answer = await new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
    const req = request({
      port,
      method: 'PUT',
      path: '/v2/dev/app/manifests/x',
      headers: { authorization: basic('basic'), 'content-length': 200_000 },
    })
    req.on('error', reject)
    req.on('response', (res) => {
      let text = ''
      res.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      res.on('end', () => resolve({ status: res.statusCode, text }))
    })
    req.end(Buffer.alloc(200_000))
  })
  expect(answer.status).toBe(429)
  expect(JSON.parse(answer.text).errors[0].code).toBe('TOOMANYREQUESTS')
  clock += WINDOW_MS
})

test('successful sign-ins are not limited, and neither are tokens while a password is', async () => {
  const { body } = await service.call('createToken', service.admin, { body: { name: 'ci', scopes: ['*'] } })
  for (let n = 0; n < 40; n++) expect((await get('/v2/', basic('admin'))).status).toBe(200)
  await login('admin', 'wrong 0')
  await nineMore()
  expect((await login('admin', PASSWORD)).status).toBe(429)
  expect((await get('/v2/', basic('admin', body.secret))).status).toBe(200)
  expect((await service.call('getMe', service.admin)).status).toBe(200)
})
