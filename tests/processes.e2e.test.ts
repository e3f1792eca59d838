import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import http from 'node:http'
import { availableParallelism } from 'node:os'
import { until } from '@sluice/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Service, startService } from '../scripts/service.mjs'

// The api serves with several processes. Needs the build that `npm test` makes first.

let service: Service
let authorization: string
beforeAll(async () => {
  service = await startService({ env: {} })
  authorization = `Basic ${btoa(`admin:${service.adminPassword}`)}`
})
afterAll(() => service.stop())

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

/** One request over a connection of its own, as clients without keep-alive send it: each reaches the next process. */
function send(method: string, path: string, body?: Buffer, headers: http.OutgoingHttpHeaders = {}) {
  return new Promise<{ status: number; headers: http.IncomingHttpHeaders; text: string }>(
    (resolve, reject) => {
      const length = method === 'GET' ? {} : { 'content-length': body?.length ?? 0 }
      const req = http.request(new URL(path, service.url), {
        method,
        agent: false,
        headers: { authorization, ...length, ...headers },
      })
      req.once('error', reject)
      req.once('response', (res) => {
        const parts: Buffer[] = []
        res.on('data', (part: Buffer) => parts.push(part))
        res.once('error', reject)
        res.once('end', () =>
          resolve({
            status: res.statusCode ?? 0,
            headers: res.headers,
            text: Buffer.concat(parts).toString('latin1'),
          }),
        )
      })
      req.end(body)
    },
  )
}

const digestOf = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

async function push(content: string): Promise<{ digest: string; size: number }> {
  const blob = Buffer.from(content)
  const digest = digestOf(blob)
  const at = (await send('POST', '/v2/dev/app/blobs/uploads/')).headers.location ?? ''
  expect((await send('PATCH', at, blob.subarray(0, 2))).status).toBe(202)
  expect((await send('PATCH', at, blob.subarray(2))).status).toBe(202)
  expect((await send('PUT', `${at}?digest=${digest}`)).status).toBe(201)
  return { digest, size: blob.length }
}

async function pushImage(note: string): Promise<string> {
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...(await push('{}')) },
    layers: [],
    annotations: { note },
  }
  const bytes = Buffer.from(JSON.stringify(manifest))
  const put = await send('PUT', '/v2/dev/app/manifests/moving', bytes, { 'content-type': manifest.mediaType })
  expect(put.status).toBe(201)
  return digestOf(bytes)
}

/** What every process answers; more requests than processes, one connection each. */
const askAll = (path: string) => Promise.all(Array.from({ length: 16 }, () => send('GET', path)))

test('one process serves for each core, two at the least', () => {
  expect(serving().length).toBe(Math.min(Math.max(availableParallelism(), 2), 8))
})

test('no process answers what was before: a tag that moved, a manifest that was deleted, a grant that was taken', async () => {
  const [first, second] = [await pushImage('one'), await pushImage('two')]
  const at = '/v2/dev/app/manifests'
  const tagged = async () =>
    new Set((await askAll(`${at}/moving`)).map(({ headers }) => headers['docker-content-digest']))
  expect(await tagged()).toEqual(new Set([second]))
  expect(await pushImage('one')).toBe(first)
  expect(await tagged()).toEqual(new Set([first]))

  expect((await send('DELETE', `${at}/${first}`)).status).toBe(202)
  expect(new Set((await askAll(`${at}/${first}`)).map(({ status }) => status))).toEqual(new Set([404]))

  const { items } = await service.call('GET', '/feeds/dev/grants')
  await service.call('PUT', '/feeds/dev/grants', [{ principal: 'user:admin', verbs: ['push', 'admin'] }])
  expect(new Set((await askAll(`${at}/${second}`)).map(({ status }) => status))).toEqual(new Set([403]))
  await service.call('PUT', '/feeds/dev/grants', items)
  expect(new Set((await askAll(`${at}/${second}`)).map(({ status }) => status))).toEqual(new Set([200]))
})

test('/metrics are those of all processes together', async () => {
  const counted = async () => {
    const { text } = await send('GET', '/metrics')
    const lines = text.split('\n').filter((line) => line.startsWith('sluice_http_requests_total{route="v2"'))
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
  }
  const before = await counted()
  await askAll('/v2/dev/app/tags/list')
  await until(async () => (await counted()) >= before + 16, { what: 'sixteen requests to be counted' })
})

test('invariant 3: a serving process that is killed is replaced, and all serve', async () => {
  const before = serving()
  const killed = before[0]
  if (killed === undefined) throw new Error('no process serves')
  process.kill(killed, 'SIGKILL')
  await until(async () => serving().length === before.length && !serving().includes(killed), {
    what: 'a process in its place',
    timeoutMs: 60_000,
  })
  await until(async () => (await askAll('/v2/dev/app/tags/list')).every(({ status }) => status === 200), {
    what: 'all to serve',
    timeoutMs: 60_000,
  })
})
