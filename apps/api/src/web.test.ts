import { once } from 'node:events'
import fs from 'node:fs'
import http, { type IncomingHttpHeaders } from 'node:http'
import os from 'node:os'
import path from 'node:path'
import express from 'express'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { webApp } from './web.ts'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-web-'))
fs.mkdirSync(path.join(folder, 'assets'))
const files = {
  'index.html':
    '<head><meta nonce="__NONCE__"><script nonce="__NONCE__" src="/assets/a-1.js"></script></head>',
  'assets/a-1.js': 'plain',
  'assets/a-1.js.br': 'brotli',
  'assets/a-1.js.gz': 'gzip',
  'assets/b-2.css': 'css',
  'favicon.svg': '<svg/>',
  'secret.txt': 'no kind that is served',
  'hints.json': '{"requests":["assets/r-3.js","assets/v-4.js"]}',
}
let server: http.Server

beforeAll(async () => {
  for (const [name, content] of Object.entries(files)) fs.writeFileSync(path.join(folder, name), content)
  const app = express()
  const web = webApp(folder)
  if (web !== null) app.use(web)
  app.use((_req, res) => void res.status(404).send('not here'))
  server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterAll(async () => {
  server.close()
  await once(server, 'close')
  fs.rmSync(folder, { recursive: true })
})

type Answer = { status: number; headers: IncomingHttpHeaders; body: string }

/** The path goes out as it is written: `fetch` would tidy it. */
async function ask(where: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on a port')
  const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
    const request = http.request({ port: address.port, path: where, method, headers }, resolve)
    request.once('error', reject).end()
  })
  const body = (await response.setEncoding('utf8').toArray()).join('')
  return { status: response.statusCode ?? 0, headers: response.headers, body }
}

test.each([
  '/',
  '/requests/0190-x',
  '/feeds/dev/repositories/team/app?tag=1.0',
  '/digests/sha256:aa',
  '/sign-in?return=%2F',
])('%s is the page, behind a policy with a nonce of its own', async (where) => {
  const [one, two] = await Promise.all([ask(where), ask(where)])
  expect(one.status).toBe(200)
  const nonce = /nonce="([^"]{20,})"/.exec(one.body)?.[1] ?? 'none'
  const policy = String(one.headers['content-security-policy'])
  expect(policy).toContain(`style-src 'self' 'nonce-${nonce}'`)
  expect(policy).toContain("default-src 'none'; script-src 'self';")
  expect(policy).not.toContain('unsafe')
  expect(one.headers['cache-control']).toBe('no-store')
  expect(two.body).not.toBe(one.body)
})

test.each([
  ['/requests/0190-x', ['/assets/r-3.js', '/assets/v-4.js']],
  ['/requests', ['/assets/r-3.js', '/assets/v-4.js']],
  ['/', []],
  ['/lanes', []],
  ['/sign-in', []],
])('the page at %s names what its view needs', async (where, files) => {
  const { body } = await ask(where)
  expect(
    [...body.matchAll(/<link rel="modulepreload" crossorigin href="([^"]+)">/g)].map(([, to]) => to),
  ).toEqual(files)
})

test.each([
  [{}, undefined, 'plain'],
  [{ 'accept-encoding': 'gzip' }, 'gzip', 'gzip'],
  [{ 'accept-encoding': 'gzip, deflate, br' }, 'br', 'brotli'],
  [{ 'accept-encoding': 'br;q=0, gzip;q=0' }, undefined, 'plain'],
])('an asset for %j comes as %s', async (headers, encoding, body) => {
  const answer = await ask('/assets/a-1.js', headers)
  expect(answer).toMatchObject({ status: 200, body })
  expect(answer.headers['content-encoding']).toBe(encoding)
  expect(answer.headers['cache-control']).toBe('public, max-age=31536000, immutable')
  expect(answer.headers['content-type']).toBe('text/javascript; charset=utf-8')
  expect(answer.headers.vary).toBe('Accept-Encoding')
})

test('what was not compressed is sent as it is; what has no hash is not kept for ever', async () => {
  const css = await ask('/assets/b-2.css', { 'accept-encoding': 'br, gzip' })
  expect(css.headers['content-encoding']).toBeUndefined()
  expect(css.body).toBe('css')
  expect((await ask('/favicon.svg')).headers['cache-control']).toBe('public, max-age=3600')
})

test('HEAD has the length and no body', async () => {
  const answer = await ask('/assets/a-1.js', {}, 'HEAD')
  expect(answer).toMatchObject({ status: 200, body: '' })
  expect(answer.headers['content-length']).toBe('5')
})

test.each([
  ['GET', '/v2/'],
  ['GET', '/api/v1/me'],
  ['GET', '/token'],
  ['GET', '/healthz'],
  ['GET', '/openapi.json'],
  ['GET', '/metrics'],
  ['GET', '/assets/unknown.js'],
  ['GET', '/assets/a-1.js.br'],
  ['GET', '/secret.txt'],
  ['GET', '/index.html'],
  ['GET', '/assets/../secret.txt'],
  ['GET', '/..%2f..%2fpackage.json'],
  ['GET', '//feeds'],
  ['GET', '/wp-login.php'],
  ['POST', '/'],
  ['DELETE', '/requests/1'],
])('%s %s is not the web app', async (method, where) => {
  expect(await ask(where, {}, method)).toMatchObject({ status: 404, body: 'not here' })
})

test('what was not built is not served', () => {
  expect(webApp(path.join(folder, 'nothing'))).toBeNull()
})
