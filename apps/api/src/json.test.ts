import { once } from 'node:events'
import http from 'node:http'
import { gunzipSync } from 'node:zlib'
import express from 'express'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sendJson } from './json.ts'

const long = { items: Array.from({ length: 100 }, (_, at) => ({ name: `team/app-${at}`, state: 'PENDING' })) }
let server: http.Server

beforeAll(async () => {
  const app = express()
  app.all('/long', (req, res) => sendJson(req, res, long))
  app.all('/short', (req, res) => sendJson(req, res, { items: [] }))
  server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterAll(async () => {
  server.close()
  await once(server, 'close')
})

async function ask(path: string, encodings: string | undefined, method = 'GET') {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on a port')
  const headers = encodings === undefined ? {} : { 'accept-encoding': encodings }
  const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
    http.request({ port: address.port, path, method, headers }, resolve).once('error', reject).end()
  })
  const body = Buffer.concat(await response.toArray())
  return { headers: response.headers, body }
}

test.each([
  ['/long', 'gzip, deflate, br', 'GET', 'gzip'],
  ['/long', undefined, 'GET', undefined],
  ['/long', 'br', 'GET', undefined],
  ['/long', 'gzip;q=0', 'GET', undefined],
  ['/long', 'gzip', 'POST', undefined],
  ['/short', 'gzip', 'GET', undefined],
])('%s to who takes %s, by %s, is encoded as %s', async (path, encodings, method, encoding) => {
  const { headers, body } = await ask(path, encodings, method)
  expect(headers['content-encoding']).toBe(encoding)
  expect(headers['content-type']).toBe('application/json; charset=utf-8')
  expect(headers['vary']).toBe('Accept-Encoding')
  expect(Number(headers['content-length'])).toBe(body.length)
  const text = (encoding === undefined ? body : gunzipSync(body)).toString()
  expect(JSON.parse(text)).toEqual(path === '/long' ? long : { items: [] })
})
