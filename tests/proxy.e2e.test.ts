import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import { type FlakyProxy, pushImage, pushIndex, startFlakyProxy, until } from '@sluice/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { call, type Service, startService } from '../scripts/service.mjs'
import { type Served, startFeed } from '@sluice/feed/test-registry'

// A proxy feed of a service as a user runs it, with all its processes. Needs the build that `npm test` makes first.

let upstream: Served
let way: FlakyProxy
let service: Service
let authorization: string
const person = (username: string) => ({ username, password: randomBytes(18).toString('base64url') })
const [ci, approver] = [person('ci'), person('approver')]

beforeAll(async () => {
  upstream = await startFeed()
  way = await startFlakyProxy(upstream.url)
  service = await startService()
  authorization = `Basic ${btoa(`admin:${service.adminPassword}`)}`
  const remote = { url: way.url, prefix: `${upstream.prefix}library`, plainHttp: 'loopback' }
  await service.call('POST', '/feeds', { name: 'hub', kind: 'proxy', stage: 'hub', remote })
  await service.call('POST', '/feeds', { name: 'base', stage: 'base', trusted: true })
  for (const user of [ci, approver]) await service.call('POST', '/users', user)
  for (const [feed, grants] of Object.entries({
    hub: [{ principal: 'user:ci', verbs: ['pull'] }],
    base: [
      { principal: 'user:ci', verbs: ['pull', 'request'] },
      { principal: 'user:approver', verbs: ['pull', 'approve'] },
    ],
  })) {
    const { items } = await service.call('GET', `/feeds/${feed}/grants`)
    await service.call('PUT', `/feeds/${feed}/grants`, [...items, ...grants])
  }
  const policy = { gates: { quorum: [{ count: 1 }] } }
  await service.call('POST', '/lanes', { name: 'hub-to-base', from: 'hub', to: 'base', policy })
})
afterAll(async () => {
  await service.stop()
  await way.close()
  await upstream.stop()
})

const pushThere = (repository: string, sizes: readonly number[], tag: string) =>
  pushImage(upstream.url, `${upstream.prefix}library/${repository}`, sizes, { tag })
const asked = (method: string, part: string) =>
  way.log.filter((line) => line.startsWith(`${method} `) && line.includes(part)).length
const sha256 = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** Over a connection of its own, so that each reaches the next process. */
function open(path: string): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const url = new URL(`/v2/${path}`, service.url)
    http.get(url, { agent: false, headers: { authorization } }, resolve).once('error', reject)
  })
}

async function get(path: string) {
  const answer = await open(path)
  const parts: Buffer[] = []
  for await (const part of answer) parts.push(part)
  return { status: answer.statusCode, headers: answer.headers, bytes: Buffer.concat(parts) }
}

/** The serving processes: children of the api that the supervisor started. */
function serving(): number[] {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n')
  const found = rows.flatMap((row) => {
    const [, pid, parent, args = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(row) ?? []
    return args.includes('apps/api') ? [{ pid: Number(pid), parent: Number(parent) }] : []
  })
  const primary = found.find(({ parent }) => parent === service.pid)?.pid
  return found.filter(({ parent }) => parent === primary).map(({ pid }) => pid)
}

const signIn = async (body: object): Promise<string> =>
  (await call(service.url, 'POST', '/auth/login', { body })).token

/** From the request to the end of the promotion; answers what was let in. */
async function promote(item: { image: string; targetTags?: string[] }): Promise<string> {
  const token = await signIn(ci)
  const body = { lane: 'hub-to-base', ...item }
  const { id, digest } = await call(service.url, 'POST', '/requests', { token, body })
  await call(service.url, 'POST', `/requests/${id}/approvals`, {
    token: await signIn(approver),
    body: { decision: 'approve', digest },
  })
  const promotion = async () => (await call(service.url, 'GET', `/requests/${id}`, { token })).promotion
  await until(async () => ['SUCCEEDED', 'FAILED', 'ERRORED'].includes((await promotion())?.state), {
    what: `the promotion of ${item.image}`,
    timeoutMs: 60_000,
  })
  const { state, error } = await promotion()
  expect([state, error]).toEqual(['SUCCEEDED', null])
  return digest
}

test('a blob that many pull at once is fetched once by each process at the most, and whole for all', async () => {
  const { layers } = await pushThere('many', [5_000_000], 'v1')
  const { digest } = layers[0]!
  const pulls = await Promise.all(Array.from({ length: 20 }, () => get(`hub/many/blobs/${digest}`)))
  for (const { status, bytes } of pulls) expect([status, sha256(bytes)]).toEqual([200, digest])
  expect(asked('GET', digest)).toBeGreaterThan(0)
  expect(asked('GET', digest)).toBeLessThanOrEqual(serving().length)
})

test('what was pulled is promoted without a byte from the upstream; what was not is fetched once', async () => {
  const name = `${upstream.prefix}library/app`
  const images = [await pushThere('app', [200_000, 300_000], 'a'), await pushThere('app', [400_000], 'b')]
  const index = await pushIndex(upstream.url, name, images, '1.0.0')
  const pulled = images[0]!.layers[0]!
  expect((await get(`hub/app/blobs/${pulled.digest}`)).status).toBe(200)
  const before = asked('GET', '/blobs/')
  const digest = await promote({ image: 'app:1.0.0' })
  expect(digest).toBe(index.digest)
  const blobs = images.flatMap(({ layers }) => layers)
  for (const layer of blobs) expect(asked('GET', layer.digest)).toBe(1)
  // Two layers and two configs had not come yet.
  expect(asked('GET', '/blobs/') - before).toBe(4)
  const root = await get('base/app/manifests/1.0.0')
  expect([root.headers['docker-content-digest'], sha256(root.bytes)]).toEqual([digest, digest])
  for (const layer of blobs)
    expect(sha256((await get(`base/app/blobs/${layer.digest}`)).bytes)).toBe(layer.digest)
  const again = asked('GET', '/')
  await promote({ image: 'app:1.0.0', targetTags: ['1.0.1'] })
  expect(asked('GET', '/')).toBe(again)
})

test('what is kept is pulled and promoted while the upstream is away, and said to be', async () => {
  const { digest, layers } = await pushThere('kept', [100_000], '1.0.0')
  const manifest = await get('hub/kept/manifests/1.0.0')
  const { config } = JSON.parse(manifest.bytes.toString())
  for (const blob of [config, ...layers]) await get(`hub/kept/blobs/${blob.digest}`)
  way.add({ path: /./, fault: { kind: 'status', status: 503 } })
  const { status, headers } = await get('hub/kept/manifests/1.0.0')
  expect([status, headers['docker-content-digest']]).toEqual([200, digest])
  expect(headers.warning).toMatch(/^299 - "upstream .* served from cache/)
  expect(await promote({ image: `kept@${digest}`, targetTags: ['1.0.0'] })).toBe(digest)
  expect((await get('base/kept/manifests/1.0.0')).headers['docker-content-digest']).toBe(digest)
  const never = await get('hub/never/manifests/1.0.0')
  expect([never.status, JSON.parse(never.bytes.toString()).errors[0].code]).toEqual([503, 'UNAVAILABLE'])
  const { cache } = await service.call('GET', '/feeds/hub')
  expect(cache.failure).toContain('503')
  way.heal()
  expect((await get('hub/kept/manifests/1.0.0')).headers.warning).toBeUndefined()
})

test('invariant 3: processes that are killed while a blob comes leave nothing half, and the next pull has it whole', async () => {
  const { layers } = await pushThere('cut', [6_000_000], 'v1')
  const { digest } = layers[0]!
  way.add({ path: new RegExp(digest), method: 'GET', fault: { kind: 'stall', at: 2_000_000 } })
  const answer = await open(`hub/cut/blobs/${digest}`)
  await once(answer, 'data')
  const before = serving()
  const cut = new Promise((resolve) => answer.once('close', resolve))
  answer.once('error', () => {})
  answer.resume()
  for (const pid of before) process.kill(pid, 'SIGKILL')
  await cut
  expect(answer.complete).toBe(false)
  way.heal()
  await until(
    async () => serving().length === before.length && before.every((pid) => !serving().includes(pid)),
    {
      what: 'processes in their place',
      timeoutMs: 60_000,
    },
  )
  await until(async () => (await get('hub/cut/manifests/v1').catch(() => null))?.status === 200, {
    what: 'the service to answer',
    timeoutMs: 60_000,
  })
  const pulled = await get(`hub/cut/blobs/${digest}`)
  expect([pulled.status, sha256(pulled.bytes)]).toEqual([200, digest])
  const errors = fs
    .readFileSync(service.log, 'utf8')
    .split('\n')
    .filter((line) => line.includes('"level":50'))
  expect(errors).toEqual([])
})
