import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import { until } from '@sluice/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort, makeFolder, type Service, startService } from '../scripts/service.mjs'

// A kill of the api in the middle of an upload, which leaves `docker-registry` with a session that is gone
// and bytes that stay for ever. Needs the build that `npm test` makes first.

const folder = makeFolder()
let service: Service

beforeAll(async () => {
  service = await startService({ folder, env: { SLUICE_PORT: String(await freePort()) } })
})
afterAll(async () => {
  await service.stop()
  fs.rmSync(folder, { recursive: true, force: true })
})

const authorization = () => `Basic ${btoa(`admin:${service.adminPassword}`)}`
const send = (
  method: string,
  where: string,
  headers: Record<string, string> = {},
  body?: Uint8Array<ArrayBuffer>,
) =>
  fetch(new URL(where, service.url), {
    method,
    headers: { authorization: authorization(), ...headers },
    ...(body && { body }),
  })

/** The api below the supervisor. */
function api(): number {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n')
  const found = rows
    .map((row) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(row))
    .find((row) => Number(row?.[2]) === service.pid && (row?.[3] ?? '').includes('apps/api'))
  return Number(found?.[1])
}

test('invariant 3: an upload goes on where a killed api had stored it, and ends with the same digest', async () => {
  const blob = new Uint8Array(Buffer.alloc(16 * 1024 * 1024, 'sluice '))
  const digest = `sha256:${createHash('sha256').update(blob).digest('hex')}`
  const half = blob.length / 2
  const at = (await send('POST', '/v2/dev/app/blobs/uploads/')).headers.get('location') ?? ''
  expect((await send('PATCH', at, {}, blob.slice(0, half))).status).toBe(202)

  // The second half is on its way when the api dies.
  const headers = { authorization: authorization(), 'content-length': half }
  const request = http.request(new URL(at, service.url), { method: 'PATCH', headers })
  const cut = once(request, 'error')
  request.write(blob.slice(half, half + 1024 * 1024), () => process.kill(api(), 'SIGKILL'))
  await cut

  const state = await until(() => send('GET', at), {
    what: 'the api that is started again',
    timeoutMs: 60_000,
  })
  expect(state.status).toBe(204)
  const offset = Number(/^0-(\d+)$/.exec(state.headers.get('range') ?? '')?.[1]) + 1
  expect(offset).toBeGreaterThanOrEqual(half)
  const range = { 'content-range': `${offset}-${blob.length - 1}` }
  const patched = await until(
    async () => {
      const answer = await send('PATCH', at, range, blob.slice(offset))
      return answer.status === 202 && answer
    },
    { what: 'the lease of the dead writer to end', timeoutMs: 60_000 },
  )
  expect(patched.headers.get('range')).toBe(`0-${blob.length - 1}`)
  const put = await send('PUT', `${at}?digest=${digest}`)
  expect([put.status, put.headers.get('docker-content-digest')]).toEqual([201, digest])
  const got = await send('GET', `/v2/dev/app/blobs/${digest}`)
  expect(
    createHash('sha256')
      .update(new Uint8Array(await got.arrayBuffer()))
      .digest('hex'),
  ).toBe(digest.slice(7))
})
