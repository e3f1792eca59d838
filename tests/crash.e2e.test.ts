import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { until } from '@sluice/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { call, freePort, makeFolder, type Service, startService } from '../scripts/service.mjs'

// `npm start` as a user runs it, and its processes killed while promotions run. Needs the build that
// `npm test` makes first.

const folder = makeFolder()
const password = 'correct horse battery staple'
let port: number
let service: Service
let tokens: { ci: string; approver: string }

beforeAll(async () => {
  port = await freePort()
  service = await start()
  for (const [username, feed, verbs] of [
    ['ci', 'dev', ['pull', 'push']],
    ['approver', 'dev', ['pull']],
  ] as const) {
    await service.call('POST', '/users', { username, password })
    await grant(feed, `user:${username}`, verbs)
  }
  await grant('trusted', 'user:ci', ['pull', 'request'])
  await grant('trusted', 'user:approver', ['pull', 'approve'])
  tokens = { ci: await signIn('ci'), approver: await signIn('approver') }
})

afterAll(async () => {
  await service.stop()
  fs.rmSync(folder, { recursive: true, force: true })
})

const start = () => startService({ folder, env: { SLUICE_PORT: String(port), SLUICE_LOG_LEVEL: 'info' } })

async function grant(feed: string, principal: string, verbs: readonly string[]): Promise<void> {
  const { items } = await service.call('GET', `/feeds/${feed}/grants`)
  await service.call('PUT', `/feeds/${feed}/grants`, [...items, { principal, verbs }])
}

async function signIn(username: string): Promise<string> {
  return (await call(service.url, 'POST', '/auth/login', { body: { username, password } })).token
}

const sha256 = (bytes: string) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

async function v2(method: string, route: string, body?: string, type?: string): Promise<Response> {
  const answer = await fetch(new URL(`/v2/${route}`, service.url), {
    method,
    headers: {
      authorization: `Basic ${btoa(`ci:${password}`)}`,
      ...(type === undefined ? {} : { 'content-type': type }),
    },
    ...(body === undefined ? {} : { body }),
  })
  if (!answer.ok) throw new Error(`${method} ${route} answered ${answer.status}: ${await answer.text()}`)
  return answer
}

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'

/** Pushes an image whose config names the tag, and answers its digest. */
async function push(tag: string): Promise<string> {
  const blobs = [`{"architecture":"amd64","os":"linux","author":"${tag}"}`, `the layer of ${tag}`]
  for (const blob of blobs) {
    const { headers } = await v2('POST', 'dev/app/blobs/uploads/')
    const location = new URL(headers.get('location') ?? '', service.url)
    location.searchParams.set('digest', sha256(blob))
    await v2('PUT', location.href.slice(`${location.origin}/v2/`.length), blob, 'application/octet-stream')
  }
  const [config, layer] = blobs.map((blob) => ({ digest: sha256(blob), size: Buffer.byteLength(blob) }))
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...layer }],
  })
  await v2('PUT', `dev/app/manifests/${tag}`, manifest, MANIFEST)
  return sha256(manifest)
}

const request = (image: string) =>
  call(service.url, 'POST', '/requests', { token: tokens.ci, body: { lane: 'dev-to-trusted', image } })

const stateOf = (id: string) => call(service.url, 'GET', `/requests/${id}`, { token: tokens.approver })

/** Approves, as often as it takes: the api or its database may be away, or have heard it without answering. */
async function approve(id: string, digest: string): Promise<void> {
  await until(
    async () => {
      try {
        if ((await stateOf(id)).state === 'APPROVED') return true
        const body = { decision: 'approve', digest }
        await call(service.url, 'POST', `/requests/${id}/approvals`, { token: tokens.approver, body })
        return true
      } catch {
        return false
      }
    },
    { what: `the approval of ${id}`, timeoutMs: 60_000 },
  )
}

/** Process ids below the supervisor whose command line holds this text. */
function below(text: string): number[] {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n')
  return rows
    .map((row) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(row))
    .filter((row) => row !== null && Number(row[2]) === service.pid && (row[3] ?? '').includes(text))
    .map((row) => Number(row?.[1]))
}

function postmaster(): number {
  const moved = path.join(folder, 'data/postgres/moved-to')
  const home = fs.existsSync(moved)
    ? fs.readFileSync(moved, 'utf8').trim()
    : path.join(folder, 'data/postgres')
  return Number(fs.readFileSync(path.join(home, 'cluster/postmaster.pid'), 'utf8').split('\n')[0])
}

const kill = (pids: readonly number[]) => {
  expect(pids.length).toBeGreaterThan(0)
  for (const pid of pids) process.kill(pid, 'SIGKILL')
}

/** Whether a process is there; one that has ended and waits only to be reaped is not. */
function alive(pid: number): boolean {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,stat='], { encoding: 'utf8' }).split('\n')
  return rows.some((row) => new RegExp(`^\\s*${pid}\\s+[^Z]`).test(row))
}

const victims: Record<string, () => void | Promise<void>> = {
  'the worker': () => kill(below('apps/worker')),
  'the api': () => kill(below('apps/api')),
  Postgres: () => kill([postmaster()]),
  'the supervisor': async () => {
    kill([service.pid])
    await service.exited
    service = await start()
  },
  'everything at once': async () => {
    kill([...below('apps/worker'), ...below('apps/api'), postmaster(), service.pid])
    await service.exited
    service = await start()
  },
}

describe('invariant 3: kill -9 leaves nothing half done', () => {
  test.each(Object.keys(victims))('%s', async (victim) => {
    const tags = Array.from({ length: 6 }, (_, n) => `1.${Object.keys(victims).indexOf(victim)}.${n}`)
    const digests = await Promise.all(tags.map(push))
    const requests = await Promise.all(tags.map((tag) => request(`app:${tag}`)))

    const approved = requests.map(({ id }, n) => approve(id, digests[n] ?? ''))
    await Promise.race(approved)
    await victims[victim]?.()
    await Promise.all(approved)

    for (const [n, { id }] of requests.entries()) {
      const done = await until(
        async () => {
          const now = await stateOf(id).catch(() => null)
          return now?.promotion?.state === 'SUCCEEDED' ? now : null
        },
        { what: `the promotion of request ${id}`, timeoutMs: 90_000 },
      )
      const entries = await service.call(
        'GET',
        `/audit?type=promotion.succeeded&subject=promotion:${done.promotion.id}`,
      )
      expect(entries.items).toHaveLength(1)
      const moves = await service.call('GET', `/feeds/trusted/tags/history?repository=app&tag=${tags[n]}`)
      expect(moves.items).toHaveLength(1)
      const pulled = await v2('GET', `trusted/app/manifests/${tags[n]}`)
      expect(sha256(await pulled.text())).toBe(digests[n])
    }
  })
})

test('a second start on the same data folder says that one is running', async () => {
  await expect(startService({ folder })).rejects.toThrow(/already runs/)
})

test('SIGTERM ends all of it within ten seconds', async () => {
  const pids = [service.pid, postmaster(), ...below('apps/')]
  const began = Date.now()
  process.kill(service.pid, 'SIGTERM')
  await service.exited
  expect(Date.now() - began).toBeLessThan(10_000)
  expect(pids.filter(alive)).toEqual([])
  service = await start()
})
