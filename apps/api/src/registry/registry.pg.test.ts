import { createHmac, generateKeyPairSync } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import jwt from 'jsonwebtoken'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { basic, type Json, pushImage, startTestService, type TestService } from '../test-service.ts'
import { loadTokenKeys, type TokenKey, tokenKey } from './key.ts'

let service: TestService
let folder: string
let key: TokenKey
let older: TokenKey
let ci: string

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-key-'))
  const file = path.join(folder, 'token.pem')
  ;[older] = loadTokenKeys(file, { make: true })
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  fs.writeFileSync(file, `${pem}${fs.readFileSync(file, 'utf8')}`)
  ;[key] = loadTokenKeys(file, { make: false })
  service = await startTestService({ SLUICE_TOKEN_KEY_FILE: path.join(folder, 'token.pem') })
  ci = await service.person('ci', { dev: ['pull', 'push'], trusted: ['pull'] })
  await service.person('reader', { dev: ['pull'] })
  await pushImage(service.url, 'dev/app', '1.0.0', { content: 'x', authorization: basic('ci') })
}, 60_000)
afterAll(async () => {
  await service[Symbol.asyncDispose]()
  fs.rmSync(folder, { recursive: true })
})

const get = (where: string, authorization?: string, method = 'GET') =>
  fetch(`${service.url}${where}`, { method, headers: authorization === undefined ? {} : { authorization } })

const tokenOf = async (scopes: string[], authorization?: string): Promise<Json> => {
  const query = scopes.map((scope) => `scope=${encodeURIComponent(scope)}`).join('&')
  const response = await get(`/token?service=test.example&${query}`, authorization)
  expect(response.status).toBe(200)
  return response.json()
}

test('the key file is for its owner alone', () => {
  expect(fs.statSync(path.join(folder, 'token.pem')).mode & 0o777).toBe(0o600)
})

test('/v2/ asks to sign in at the address it was reached by, and accepts each credential', async () => {
  const response = await get('/v2/')
  expect(response.status).toBe(401)
  expect(response.headers.get('www-authenticate')).toBe(
    `Bearer realm="${service.url}/token",service="test.example"`,
  )
  const { token } = await tokenOf([], basic('ci'))
  const api = await service.call('createToken', ci, {
    body: { name: 'push', scopes: ['push:dev', 'pull:dev'] },
  })
  const good = [basic('ci'), `Bearer ${token}`, `Bearer ${ci}`, basic('ci', api.body.secret)]
  for (const authorization of good) expect((await get('/v2/', authorization)).status).toBe(200)
  const bad = [
    basic('ci', 'wrong wrong'),
    basic('nobody'),
    basic('reader', api.body.secret),
    'Bearer x',
    'Digest x',
    'Basic !',
  ]
  for (const authorization of bad) expect((await get('/v2/', authorization)).status).toBe(401)
})

test('a challenge names the scope; the answer is what the grants allow of it', async () => {
  const challenge = (await get('/v2/dev/app/manifests/1.0.0')).headers.get('www-authenticate')
  expect(challenge).toContain('scope="repository:dev/app:pull"')
  const answer = await tokenOf(
    ['repository:dev/app:pull,push,delete repository:trusted/app:pull,push', 'repository:x/y:pull'],
    basic('ci'),
  )
  expect(answer.token).toBe(answer.access_token)
  expect(answer).toMatchObject({
    expires_in: 300,
    scope: 'repository:dev/app:pull,push repository:trusted/app:pull',
  })
  const claims = jwt.decode(answer.token)
  expect(claims).toMatchObject({
    iss: 'test.example',
    aud: 'test.example',
    sub: 'ci',
    jti: expect.any(String),
  })
  expect(claims).toHaveProperty(
    'access[0]',
    expect.objectContaining({ name: 'dev/app', actions: ['pull', 'push'] }),
  )
  expect((await get('/token', basic('ci', 'wrong wrong'))).status).toBe(401)
})

test('OAuth: password, refresh, and what ends a refresh token', async () => {
  const post = (fields: Record<string, string>) =>
    fetch(`${service.url}/token`, {
      method: 'POST',
      body: new URLSearchParams({ service: 'test.example', ...fields }),
    })
  await service.person('docker', { dev: ['pull'] })
  const scope = 'repository:dev/app:pull'
  const password = {
    grant_type: 'password',
    username: 'docker',
    password: 'correct horse',
    access_type: 'offline',
    scope,
  }
  const first: Json = await (await post(password)).json()
  expect(first).toMatchObject({ scope, refresh_token: expect.any(String) })
  const refresh = { grant_type: 'refresh_token', refresh_token: first.refresh_token, scope }
  const second: Json = await (await post(refresh)).json()
  expect((await get('/v2/dev/app/manifests/1.0.0', `Bearer ${second.access_token}`)).status).toBe(200)
  // It is good for /token only.
  expect((await get('/v2/', `Bearer ${first.refresh_token}`)).status).toBe(401)
  expect((await service.call('getMe', first.refresh_token)).status).toBe(401)
  await service.call('updateUser', service.admin, {
    params: { name: 'docker' },
    body: { password: 'new password' },
  })
  expect((await post(refresh)).status).toBe(401)
  expect((await post(password)).status).toBe(401)
  expect((await post({ grant_type: 'client_credentials' })).status).toBe(400)
  expect((await fetch(`${service.url}/token`, { method: 'POST', body: '{}' })).status).toBe(415)
})

const base = (): Record<string, unknown> => {
  const now = Math.floor(Date.now() / 1000)
  return {
    iss: 'test.example',
    aud: 'test.example',
    sub: 'admin',
    iat: now,
    nbf: now,
    exp: now + 300,
    jti: 'x',
    pid: null,
    tid: null,
    access: [],
  }
}
const unsigned = (header: object, claims: object) =>
  [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
const es256 = (claims: object, by: TokenKey, kid = by.id) =>
  jwt.sign(claims, by.secret, { algorithm: 'ES256', keyid: kid, noTimestamp: true })

const forged: [string, (admin: string) => string][] = [
  ['alg none', (pid) => `${unsigned({ alg: 'none', kid: key.id }, { ...base(), pid })}.`],
  [
    'HS256 with the public key',
    (pid) => {
      const text = unsigned({ alg: 'HS256', kid: key.id }, { ...base(), pid })
      const pem = key.public.export({ type: 'spki', format: 'pem' })
      return `${text}.${createHmac('sha256', pem).update(text).digest('base64url')}`
    },
  ],
  ['another audience', (pid) => es256({ ...base(), pid, aud: 'other' }, key)],
  ['another issuer', (pid) => es256({ ...base(), pid, iss: 'other' }, key)],
  ['expired', (pid) => es256({ ...base(), pid, exp: Math.floor(Date.now() / 1000) - 1 }, key)],
  ['not yet', (pid) => es256({ ...base(), pid, nbf: Math.floor(Date.now() / 1000) + 60 }, key)],
  ['another key id', (pid) => es256({ ...base(), pid }, key, 'other')],
  ['another key under our id', (pid) => es256({ ...base(), pid }, foreign(), key.id)],
  ['a key in the header', (pid) => ownKey(pid)],
  ['cut short', (pid) => es256({ ...base(), pid }, key).slice(0, -4)],
]
const foreign = () => tokenKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
const ownKey = (pid: string) => {
  const other = foreign()
  const header = { alg: 'ES256', kid: key.id, jwk: other.public.export({ format: 'jwk' }) } as const
  return jwt.sign({ ...base(), pid }, other.secret, { algorithm: 'ES256', header })
}

test.each(forged)('a forged token, %s, is nobody', async (_, forge) => {
  const { id } = (await service.call('getMe', service.admin)).body
  expect((await get('/v2/', `Bearer ${es256({ ...base(), pid: id }, key)}`)).status).toBe(200)
  expect((await get('/v2/', `Bearer ${forge(id)}`)).status).toBe(401)
})

test('a new key signs, and what the older one signed is good until it ends', async () => {
  const { token } = await tokenOf([], basic('ci'))
  expect(jwt.decode(token, { complete: true })?.header.kid).toBe(key.id)
  const { id } = (await service.call('getMe', service.admin)).body
  expect((await get('/v2/', `Bearer ${es256({ ...base(), pid: id }, older)}`)).status).toBe(200)
})

test.each([
  ['nothing in PEM form', 'none'],
  [
    'a key of another kind',
    generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }),
  ],
])('a key file with %s stops the start', (_, content) => {
  const file = path.join(folder, 'other.pem')
  fs.writeFileSync(file, content)
  expect(() => loadTokenKeys(file, { make: false })).toThrow(
    expect.objectContaining({ code: 'key_file_invalid' }),
  )
})

test('a token reaches what it was given for, and no further', async () => {
  await pushImage(service.url, 'dev/second', '1', { content: 'y', authorization: basic('ci') })
  const pull = `Bearer ${(await tokenOf(['repository:dev/app:pull'], basic('ci'))).token}`
  expect((await get('/v2/dev/app/manifests/1.0.0', pull)).status).toBe(200)
  const other = await get('/v2/dev/second/manifests/1', pull)
  expect([other.status, other.headers.get('www-authenticate')]).toEqual([
    401,
    expect.stringContaining('scope="repository:dev/second:pull"'),
  ])
  expect((await get('/v2/dev/app/blobs/uploads/', pull, 'POST')).status).toBe(401)
  expect((await get('/v2/dev/app/blobs/uploads/', basic('reader'), 'POST')).status).toBe(403)
  const push = `Bearer ${(await tokenOf(['repository:dev/app:pull,push'], basic('ci'))).token}`
  expect((await get('/v2/dev/app/blobs/uploads/', push, 'POST')).status).toBe(202)
})

test('anonymous pull only where everybody has it', async () => {
  const scope = 'repository:dev/app:pull,push'
  expect((await tokenOf([scope])).scope).toBe('')
  const { items } = (await service.call('getGrants', service.admin, { params: { feed: 'dev' } })).body
  const put = (body: unknown) => service.call('putGrants', service.admin, { params: { feed: 'dev' }, body })
  await put([...items, { principal: '*', verbs: ['pull', 'push'] }])
  const answer = await tokenOf([scope])
  expect(answer.scope).toBe('repository:dev/app:pull')
  expect((await get('/v2/dev/app/manifests/1.0.0', `Bearer ${answer.token}`)).status).toBe(200)
  expect((await get('/v2/dev/app/manifests/1.0.0')).status).toBe(200)
  expect((await get('/v2/dev/app/blobs/uploads/', undefined, 'POST')).status).toBe(401)
  expect((await get('/v2/', `Bearer ${answer.token}`)).status).toBe(401)
  await put(items)
  expect((await get('/v2/dev/app/manifests/1.0.0')).status).toBe(401)
})

test('invariant 8, of tokens: a write stops with the grant, the token or the person behind it', async () => {
  const params = { feed: 'dev' }
  const { items } = (await service.call('getGrants', service.admin, { params })).body
  const scope = ['repository:dev/app:pull,push']
  const upload = (token: string) => get('/v2/dev/app/blobs/uploads/', `Bearer ${token}`, 'POST')
  await service.person('pusher', { dev: ['pull', 'push'] })
  const { token } = await tokenOf(scope, basic('pusher'))
  expect((await upload(token)).status).toBe(202)
  await service.call('putGrants', service.admin, { params, body: items })
  expect((await upload(token)).status).toBe(403)

  const api = (
    await service.call('createToken', ci, { body: { name: 'x', scopes: ['push:dev', 'pull:dev'] } })
  ).body
  const byApi = (await tokenOf(scope, basic('ci', api.secret))).token
  expect((await upload(byApi)).status).toBe(202)
  await service.call('revokeToken', ci, { params: { id: api.id } })
  expect((await upload(byApi)).status).toBe(401)
})

test('a renamed feed: old and new name, and tokens for either, keep working', async () => {
  const old = `Bearer ${(await tokenOf(['repository:dev/app:pull,push'], basic('ci'))).token}`
  const rename = (feed: string, name: string) =>
    service.call('updateFeed', service.admin, { params: { feed }, body: { name } })
  expect((await rename('dev', 'development')).body).toMatchObject({
    name: 'development',
    formerNames: ['dev'],
  })
  for (const name of ['dev', 'development']) {
    expect((await get(`/v2/${name}/app/manifests/1.0.0`, old)).status).toBe(200)
    expect((await get(`/v2/${name}/app/blobs/uploads/`, old, 'POST')).status).toBe(202)
    await pushImage(service.url, `${name}/renamed`, '1', { content: name, authorization: basic('ci') })
  }
  const fresh = `Bearer ${(await tokenOf(['repository:development/app:pull'], basic('ci'))).token}`
  expect((await get('/v2/dev/app/manifests/1.0.0', fresh)).status).toBe(200)
  const taken = { name: 'dev', stage: 'dev', trusted: false }
  expect(await service.call('createFeed', service.admin, { body: taken })).toMatchObject({
    status: 409,
    body: { code: 'name_taken' },
  })
  await rename('development', 'dev')
})

const digest = `sha256:${'a'.repeat(64)}`
test.each([
  ['POST', 'blobs/uploads/'],
  ['POST', `blobs/uploads/?mount=${digest}&from=dev/app`],
  ['PATCH', 'blobs/uploads/11111111-1111-4111-8111-111111111111'],
  ['PUT', `blobs/uploads/11111111-1111-4111-8111-111111111111?digest=${digest}`],
  ['DELETE', 'blobs/uploads/11111111-1111-4111-8111-111111111111'],
  ['PUT', 'manifests/1.0.0'],
  ['PUT', `manifests/${digest}?tag=a`],
  ['DELETE', 'manifests/1.0.0'],
  ['DELETE', `manifests/${digest}`],
  ['DELETE', `blobs/${digest}`],
])('trusted refuses %s %s, of the administrator too', async (method, where) => {
  const token = `Bearer ${(await tokenOf(['repository:trusted/app:pull,push,delete'], basic('admin'))).token}`
  for (const authorization of [basic('admin'), token, `Bearer ${service.admin}`]) {
    const response = await get(`/v2/trusted/app/${where}`, authorization, method)
    expect(response.status).toBe(403)
    expect(await response.json()).toMatchObject({ errors: [{ code: 'DENIED' }] })
  }
})
