import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { BlobStorage } from '@sluice/feed'
import { openStorage } from '@sluice/feed/storage'
import { ensureDatabase, startPostgres } from '@sluice/postgres'
import { openStore, prepareDatabase, type Store } from '@sluice/store'
import { until } from '@sluice/testkit'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../scripts/service.mjs'
import { type Bucket, startBucket } from './bucket.ts'

// Two apis and two workers that share PostgreSQL and a bucket, and no disk. Needs the build that
// `npm run test:clients` makes first.

const MIB = 1024 * 1024
const ADMIN_PASSWORD = randomBytes(18).toString('base64url')
const authorization = `Basic ${btoa(`admin:${ADMIN_PASSWORD}`)}`
const passwords = { api: randomBytes(16).toString('hex'), worker: randomBytes(16).toString('hex') }
const cleanUp: (() => Promise<unknown> | void)[] = []

let bucket: Bucket
let owner: Client
let shared: Record<string, string>
let workers: Store[]
let storage: BlobStorage
let one: Api
let two: Api

type Api = { readonly url: string; readonly child: ChildProcess }

beforeAll(async () => {
  bucket = await startBucket()
  cleanUp.push(bucket.stop)
  const dataDir = folder('postgres')
  const server = await startPostgres({ dataDir, durable: false })
  cleanUp.push(() => server.stop())
  const ownerUrl = await ensureDatabase(server.url, 'sluice')
  await prepareDatabase({ ownerUrl, passwords })
  owner = new Client({ connectionString: ownerUrl })
  await owner.connect()
  cleanUp.push(() => owner.end())
  const as = (role: 'api' | 'worker') => {
    const url = new URL(ownerUrl)
    url.username = `sluice_${role}`
    url.password = passwords[role]
    return url.href
  }
  shared = {
    ...bucket.keys,
    DATABASE_URL: as('api'),
    SLUICE_STORAGE: bucket.storage(),
    SLUICE_SECRET_KEY: randomBytes(32).toString('hex'),
    SLUICE_ADMIN_PASSWORD: ADMIN_PASSWORD,
  }
  one = await startApi('one')
  two = await startApi('two')
  Object.assign(process.env, bucket.keys)
  storage = await openStorage({ dataDir: '/nowhere', storage: bucket.storage() })
  workers = [await openStore({ url: as('worker') }), await openStore({ url: as('worker') })]
  for (const worker of workers) cleanUp.push(() => worker.close())
}, 120_000)
afterAll(async () => {
  for (const undo of cleanUp.toReversed()) await undo()
})

function folder(name: string): string {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), `sluice-replicas-${name}-`))
  // PostgreSQL may run as another user.
  fs.chmodSync(made, 0o755)
  cleanUp.push(() => fs.rmSync(made, { recursive: true, force: true }))
  return made
}

async function startApi(name: string): Promise<Api> {
  const env = {
    ...process.env,
    ...shared,
    SLUICE_PORT: String(await freePort()),
    SLUICE_DATA_DIR: folder(name),
    SLUICE_LOG_LEVEL: 'error',
  }
  const child = spawn(process.execPath, ['apps/api/dist/main.js'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  cleanUp.push(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const lines = createInterface({ input: child.stdout })
  for await (const line of lines) {
    const ready = /^ready (\S+)/.exec(line)
    if (ready) return { url: ready[1] ?? '', child }
  }
  throw new Error(`the api ${name} ended before it was ready`)
}

const send = (
  { url }: Api,
  method: string,
  where: string,
  body?: Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
) => fetch(new URL(where, url), { method, headers: { authorization, ...headers }, ...(body && { body }) })

const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
const some = (size: number) => new Uint8Array(randomBytes(size))
const begin = async (api: Api) => {
  const opened = await send(api, 'POST', '/v2/dev/app/blobs/uploads/')
  return new URL(opened.headers.get('location') ?? '', api.url).pathname
}
const pull = async (api: Api, digest: string) => {
  const got = await send(api, 'GET', `/v2/dev/app/blobs/${digest}`)
  return { status: got.status, digest: digestOf(new Uint8Array(await got.arrayBuffer())) }
}

async function push(api: Api, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = digestOf(bytes)
  expect((await send(api, 'POST', `/v2/dev/app/blobs/uploads/?digest=${digest}`, bytes)).status).toBe(201)
  return digest
}

async function keyOf(digest: string): Promise<string> {
  const { rows } = await owner.query<{ key: string }>(
    'select storage_key as key from blob where digest = $1',
    [digest],
  )
  return rows[0]?.key ?? ''
}

test('an upload that was begun on one api goes on on the other, to the same blob, read on both', async () => {
  const bytes = some(13 * MIB)
  const at = await begin(one)
  const cuts = [0, 6 * MIB, 6 * MIB + 7, bytes.length]
  for (const [n, api] of [one, two, one].entries()) {
    const chunk = bytes.slice(cuts[n], cuts[n + 1])
    const range = { 'content-range': `${cuts[n]}-${cuts[n + 1]! - 1}` }
    expect((await send(api, 'PATCH', at, chunk, range)).status).toBe(202)
    const state = await send(api === one ? two : one, 'GET', at)
    expect([state.status, state.headers.get('range')]).toEqual([204, `0-${cuts[n + 1]! - 1}`])
  }
  const digest = digestOf(bytes)
  expect((await send(two, 'PUT', `${at}?digest=${digest}`)).status).toBe(201)
  for (const api of [one, two]) expect(await pull(api, digest)).toEqual({ status: 200, digest })
})

test('a chunk that both take at once is written by one; the other is told where it stands', async () => {
  const bytes = some(2 * MIB)
  const at = await begin(one)
  const range = { 'content-range': `0-${bytes.length - 1}` }
  const both = await Promise.all([one, two].map((api) => send(api, 'PATCH', at, bytes, range)))
  expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([202, 416])
  const digest = digestOf(bytes)
  expect((await send(two, 'PUT', `${at}?digest=${digest}`)).status).toBe(201)
  expect(await pull(one, digest)).toEqual({ status: 200, digest })
})

test('an upload whose api is killed in the middle of a chunk is ended on the other', async () => {
  const third = await startApi('third')
  const bytes = some(16 * MIB)
  const half = bytes.length / 2
  const at = await begin(third)
  expect((await send(third, 'PATCH', at, bytes.slice(0, half))).status).toBe(202)
  const headers = { authorization, 'content-length': half }
  const request = http.request(new URL(at, third.url), { method: 'PATCH', headers })
  const cut = once(request, 'error')
  request.write(bytes.slice(half, half + MIB), () => third.child.kill('SIGKILL'))
  await cut
  // Not before the dead writer's lease is over.
  const patched = await until(
    async () => {
      const state = await send(two, 'GET', at)
      const offset = Number(/^0-(\d+)$/.exec(state.headers.get('range') ?? '')?.[1]) + 1
      const range = { 'content-range': `${offset}-${bytes.length - 1}` }
      const answer = await send(two, 'PATCH', at, bytes.slice(offset), range)
      return answer.status === 202 && answer
    },
    { what: 'the lease of the dead writer to end', timeoutMs: 90_000 },
  )
  expect(patched.headers.get('range')).toBe(`0-${bytes.length - 1}`)
  const digest = digestOf(bytes)
  expect((await send(two, 'PUT', `${at}?digest=${digest}`)).status).toBe(201)
  expect(await pull(one, digest)).toEqual({ status: 200, digest })
}, 150_000)

/** The storage, which stands still at its first `what` until it is let go. */
function held(what: 'remove' | 'read') {
  let reached = () => {}
  let letGo = () => {}
  const arrived = new Promise<void>((resolve) => (reached = resolve))
  const gate = new Promise<void>((resolve) => (letGo = resolve))
  const stand = async () => {
    reached()
    await gate
  }
  const slow: BlobStorage = {
    append: (...args) => storage.append(...args),
    readUnsealed: (...args) => storage.readUnsealed(...args),
    seal: (...args) => storage.seal(...args),
    list: () => storage.list(),
    async remove(key) {
      if (what === 'remove') await stand()
      await storage.remove(key)
    },
    async *read(key, range) {
      // Whose the storage is, is read before.
      if (what === 'read' && key !== 'owner') await stand()
      yield* storage.read(key, range)
    },
  }
  return { slow, arrived, letGo: () => letGo() }
}

const objects = async () => {
  const keys = new Set<string>()
  for await (const { key } of storage.list()) keys.add(key)
  return keys
}

test('of two workers one collects: the bucket loses the garbage once, and nothing else', async () => {
  const [kept, gone] = [await push(one, some(MIB)), await push(two, some(MIB))]
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: kept, size: MIB },
    layers: [],
  })
  const put = await send(one, 'PUT', '/v2/dev/app/manifests/kept', new Uint8Array(Buffer.from(manifest)), {
    'content-type': 'application/vnd.oci.image.manifest.v1+json',
  })
  expect(put.status).toBe(201)
  await workers[0]!.collector.collect(storage)
  const [keptKey, goneKey] = [await keyOf(kept), await keyOf(gone)]
  // What a crash left, which no row knows; and days pass.
  await storage.append('blobs/orphan', 0, stream(Buffer.from('left')))
  await storage.seal('blobs/orphan', 4)
  await owner.query(`update repository_blob set linked_at = linked_at - interval '25 hours'`)
  await owner.query(`update blob set stored_at = stored_at - interval '25 hours'`)
  const { slow, arrived, letGo } = held('remove')
  const first = workers[0]!.collector.collect(slow)
  await arrived
  expect(await workers[1]!.collector.collect(storage)).toBeNull()
  letGo()
  expect((await first)?.blobs).toBeGreaterThanOrEqual(1)
  const left = await objects()
  expect([left.has(keptKey), left.has(goneKey)]).toEqual([true, false])
  // It was written to just now, and stays for its day.
  expect(left.has('blobs/orphan')).toBe(true)
  expect(await pull(two, gone)).toMatchObject({ status: 404 })
  expect(await pull(two, kept)).toMatchObject({ status: 200 })
  expect(await workers[1]!.collector.collect(storage)).toMatchObject({ blobs: 0, foreign: false })
})

test('of two workers one scrubs: what is damaged in the bucket is quarantined once, and healed by a push', async () => {
  const bytes = some(MIB)
  const digest = await push(one, bytes)
  await workers[0]!.collector.collect(storage)
  const key = await keyOf(digest)
  const [file] = fs
    .readdirSync(bucket.files, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(key))
  const damaged = Buffer.from(bytes)
  damaged[5] = damaged[5]! ^ 1
  fs.writeFileSync(path.join(bucket.files, file!), damaged)
  await owner.query(`update blob set scrubbed_at = scrubbed_at - interval '8 days' where digest = $1`, [
    digest,
  ])
  const found: string[] = []
  const options = {
    bytesPerSecond: 1_000 * MIB,
    restMs: 7 * 24 * 60 * 60 * 1000,
    signal: new AbortController().signal,
    onDamage: (one: { digest: string }) => void found.push(one.digest),
  }
  const { slow, arrived, letGo } = held('read')
  const first = workers[0]!.collector.scrub(slow, options)
  await arrived
  expect(await workers[1]!.collector.scrub(storage, options)).toBeNull()
  letGo()
  expect(await first).toMatchObject({ blobs: 1, damaged: 1 })
  expect(found).toEqual([digest])
  for (const api of [one, two]) expect(await pull(api, digest)).toMatchObject({ status: 404 })
  const { rows } = await owner.query(
    `select count(*)::int as entries from audit_entry where type = 'blob.quarantined' and subjects @> array[$1]`,
    [`digest:${digest}`],
  )
  expect(rows).toEqual([{ entries: 1 }])
  expect(await push(two, bytes)).toBe(digest)
  for (const api of [one, two]) expect(await pull(api, digest)).toEqual({ status: 200, digest })
})

async function* stream(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
