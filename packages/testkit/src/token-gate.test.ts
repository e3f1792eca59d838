import { once } from 'node:events'
import { createServer } from 'node:http'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startTokenGate, type TokenGate } from './token-gate.ts'

const server = createServer((request, response) => response.end(String(request.headers.authorization)))
let gate: TokenGate

beforeEach(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  gate = await startTokenGate(`http://127.0.0.1:${address.port}`, { username: 'ci', password: 'secret' })
})

afterEach(async () => {
  await gate.close()
  server.closeAllConnections()
  server.close()
})

const basic = `Basic ${btoa('ci:secret')}`
const ask = (authorization: string, path = '/x') =>
  fetch(`${gate.url}${path}`, { headers: { authorization } })
const tokenOf = async (answer: Response): Promise<string> => `Bearer ${JSON.parse(await answer.text()).token}`

test('who has no token is told where to get one; what it opens sees no token', async () => {
  const refused = await ask('none')
  expect(refused.status).toBe(401)
  expect(refused.headers.get('www-authenticate')).toBe(`Bearer realm="${gate.url}/token",service="gate"`)
  const token = await tokenOf(await ask(basic, '/token'))
  expect(await (await ask(token)).text()).toBe('undefined')
  expect(gate.issued.map((one) => `Bearer ${one}`)).toEqual([token])
})

test('tokens end at the request that is named, once', async () => {
  const token = await tokenOf(await ask(basic, '/token'))
  gate.expireAt('GET', /y/)
  expect((await ask(token)).status).toBe(200)
  expect((await ask(token, '/y')).status).toBe(401)
  expect((await ask(await tokenOf(await ask(basic, '/token')), '/y')).status).toBe(200)
})

test('a password that is no longer taken, and a refusal that tells it', async () => {
  const token = await tokenOf(await ask(basic, '/token'))
  gate.grant(false)
  gate.echo.on = true
  expect((await ask(token)).status).toBe(401)
  expect(await (await ask(basic, '/token')).text()).toContain(basic)
})
