import { createServer } from 'node:http'
import { once } from 'node:events'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Fault, type FlakyProxy, startFlakyProxy } from './flaky-proxy.ts'

const body = 'a'.repeat(1000)
const server = createServer((request, response) => {
  let got = 0
  const { url = '' } = request
  request.on('data', (part: Buffer) => (got += part.length))
  request.on('end', () =>
    response
      .setHeader('content-length', body.length)
      .setHeader('x-got', got)
      .setHeader('x-url', url)
      .end(body),
  )
})
let proxy: FlakyProxy

beforeEach(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  proxy = await startFlakyProxy(`http://127.0.0.1:${address.port}`)
})

afterEach(async () => {
  await proxy.close()
  server.closeAllConnections()
  server.close()
})

const ask = async (): Promise<string> => (await fetch(`${proxy.url}/x`, { method: 'POST', body })).text()

test('passes everything through, and writes it down', async () => {
  const answer = await fetch(`${proxy.url}/x`, { method: 'POST', body })
  expect(answer.headers.get('x-got')).toBe('1000')
  expect(await answer.text()).toBe(body)
  expect(proxy.log).toEqual(['POST /x'])
})

test.each<[string, Fault]>([
  ['a cut answer', { kind: 'cut-answer', at: 10 }],
  ['a cut request', { kind: 'cut-request', at: 10 }],
])('%s, once, then healthy', async (_, fault) => {
  proxy.add({ method: 'POST', path: /x/, fault, times: 1 })
  await expect(ask()).rejects.toThrow(TypeError)
  expect(await ask()).toBe(body)
})

test('without the query, without a header, once each', async () => {
  proxy.add({ path: /q/, fault: { kind: 'drop-query' }, times: 1 })
  proxy.add({ path: /q/, fault: { kind: 'drop-header', name: 'x-got' }, times: 1 })
  const seen: unknown[] = []
  for (let i = 0; i < 3; i++) {
    const { headers } = await fetch(`${proxy.url}/x?q=1`)
    seen.push([headers.get('x-url'), headers.get('x-got')])
  }
  expect(seen).toEqual([
    ['/x', '0'],
    ['/x?q=1', null],
    ['/x?q=1', '0'],
  ])
})

test('shortened, corrupted, refused; and healed', async () => {
  proxy.add({ path: /./, fault: { kind: 'shorten', by: 1 }, times: 1 })
  proxy.add({ path: /./, fault: { kind: 'corrupt', at: 5 }, times: 1 })
  proxy.add({ path: /./, fault: { kind: 'status', status: 503, body: 'no' } })
  expect(await ask()).toBe(body.slice(1))
  expect(await ask()).toBe(`${body.slice(0, 5)}\`${body.slice(6)}`)
  expect(await ask()).toBe('no')
  proxy.heal()
  expect(await ask()).toBe(body)
})
