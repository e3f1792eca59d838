import http from 'node:http'
import { type Operation, type OperationId, operationIds, operations, problem } from '@sluice/contract'
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import {
  bodies,
  credentials,
  digests,
  feeds,
  headers,
  ids,
  inPath,
  mostly,
  odd,
  queries,
  schemaOf,
  there,
  types,
  words,
} from './test-arbitraries.ts'
import { basic, PASSWORD, pushImage, startTestService, type TestService } from './test-service.ts'

// What anybody may send, by the thousand: whatever it is, the answer comes, is no 500, and has its documented form.

const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_123)
/** Of each of the three runs. */
const RUN_MS = 15_000
/** Generous: two cores that are busy with other tests. */
const ANSWER_MS = 10_000

let service: TestService
let agent: http.Agent
let tokens: Record<string, string | undefined>

beforeAll(async () => {
  process.stdout.write(`fuzz: FUZZ_SEED=${SEED}\n`)
  service = await startTestService()
  agent = new http.Agent({ keepAlive: true, maxSockets: 4 })
  const ci = await service.person('ci', {
    dev: ['pull', 'push', 'delete', 'request', 'admin'],
    trusted: ['pull', 'request', 'approve', 'admin', 'recall'],
  })
  tokens = { nobody: undefined, ci, admin: service.admin, bad: 'sluice_bad' }
  there.digest = await pushImage(service.url, 'dev/app', '1.0.0', {
    content: 'x',
    authorization: basic('ci'),
  })
  const asked = { lane: 'dev-to-trusted', image: 'app:1.0.0' }
  there.request = (await service.call('createRequest', ci, { body: asked })).body.id
  for (let i = 0; i < 3; i++) {
    const { headers } = await send('POST', '/v2/dev/app/blobs/uploads/', {
      headers: { authorization: basic('ci'), 'content-length': '0' },
    })
    there.uploads.push(headers['location']!.split('/').at(-1)!)
  }
}, 60_000)
afterAll(async () => {
  agent.destroy()
  await service[Symbol.asyncDispose]()
})

interface Sent {
  readonly headers?: Record<string, string>
  readonly body?: Buffer
}

/** Through node's own client, which sends paths and headers as they are. */
function send(method: string, path: string, { headers = {}, body }: Sent = {}) {
  const at = new URL(service.url)
  return new Promise<{ status: number; headers: http.IncomingHttpHeaders; text: string }>(
    (resolve, reject) => {
      const req = http.request({ agent, host: at.hostname, port: at.port, method, path, headers }, (res) => {
        const chunks: Buffer[] = []
        res.on('data', (chunk: Buffer) => chunks.push(chunk))
        res.on('error', reject)
        res.on('end', () => {
          clearTimeout(late)
          resolve({
            status: res.statusCode ?? 0,
            headers: res.headers,
            text: Buffer.concat(chunks).toString(),
          })
        })
      })
      const late = setTimeout(() => req.destroy(new Error(`no answer in ${ANSWER_MS} ms`)), ANSWER_MS)
      req.on('error', (error) => {
        clearTimeout(late)
        reject(error)
      })
      req.end(body)
    },
  )
}

type Answer = Awaited<ReturnType<typeof send>>

/** Distribution specification, "Error Codes". */
const CODES = [
  'BLOB_UNKNOWN',
  'BLOB_UPLOAD_INVALID',
  'BLOB_UPLOAD_UNKNOWN',
  'DIGEST_INVALID',
  'MANIFEST_BLOB_UNKNOWN',
  'MANIFEST_INVALID',
  'MANIFEST_UNKNOWN',
  'NAME_INVALID',
  'NAME_UNKNOWN',
  'SIZE_INVALID',
  'UNAUTHORIZED',
  'DENIED',
  'UNSUPPORTED',
  'TOOMANYREQUESTS',
] as const
const distributionErrors = z.strictObject({
  errors: z
    .array(z.strictObject({ code: z.enum(CODES), message: z.string(), detail: z.unknown().optional() }))
    .min(1),
})

function expectDistribution(method: string, { status, headers, text }: Answer): void {
  expect({ status, text: status < 500 ? '' : text }).toMatchObject({ text: '' })
  expect(status === 401 ? headers['www-authenticate'] : 'Basic ').toMatch(/^(Bearer|Basic) /)
  if (status < 400 || method === 'HEAD') return
  expect(headers['content-type']).toMatch(/^application\/json/)
  expect(distributionErrors.safeParse(JSON.parse(text)).error?.issues).toBeUndefined()
}

function expectProblem({ status, headers, text }: Answer): void {
  expect(status).toBeLessThan(500)
  if (status < 400) return
  expect(headers['content-type']).toMatch(/^application\/problem\+json/)
  const body: unknown = JSON.parse(text)
  expect(problem.safeParse(body).error?.issues).toBeUndefined()
  expect(body).toMatchObject({ status, requestId: headers['x-request-id'] })
}

const run = { seed: SEED, numRuns: 100_000, interruptAfterTimeLimit: RUN_MS, endOnFailure: false } as const

test('/v2: names, references, ranges, digests, queries, headers and bodies', {
  timeout: 60_000,
}, async () => {
  const endpoint = fc.oneof(
    fc.constantFrom('tags/list', 'blobs/uploads/', 'blobs/uploads', '', 'manifests/', 'blobs/'),
    fc
      .tuple(fc.constantFrom('manifests/', 'blobs/', 'referrers/', 'blobs/uploads/'), words)
      .map((it) => it.join('')),
  )
  const paths = fc.oneof(
    {
      weight: 8,
      arbitrary: fc
        .tuple(feeds, fc.oneof({ weight: 6, arbitrary: fc.constant('app') }, words), endpoint)
        .map((it) => it.join('/')),
    },
    { weight: 1, arbitrary: fc.constantFrom('', '_catalog', '_catalog/', '..', 'dev', 'dev/app') },
    { weight: 1, arbitrary: words },
  )
  const keys = ['n', 'last', 'digest', 'mount', 'from', 'tag', 'artifactType', 'after', '_state']
  const methods = fc.constantFrom('GET', 'GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS', 'PURGE')
  let sent = 0
  const asked = fc.asyncProperty(
    methods,
    paths,
    queries(keys),
    headers,
    credentials,
    bodies,
    async (method, path, query, given, authorization, body) => {
      sent++
      const hasBody = ['PUT', 'POST', 'PATCH'].includes(method)
      const answer = await send(method, `/v2/${inPath(path)}${query && `?${query}`}`, {
        headers: {
          ...given,
          ...(authorization !== undefined && { authorization }),
          ...(hasBody && { 'content-length': String(body.length) }),
        },
        ...(hasBody && { body }),
      })
      expectDistribution(method, answer)
    },
  )
  await fc.assert(asked, run)
  expect(sent).toBeGreaterThan(100)
})

/** Who signs out, or ends what the others are asked about, ends the run. */
const spared: readonly OperationId[] = ['logout', 'deleteFeed', 'deleteLane', 'putGrants']

test('every operation of the contract: parameters, queries, headers and bodies', {
  timeout: 60_000,
}, async () => {
  const asking = operationIds.filter((id) => !spared.includes(id))
  const param: Record<string, fc.Arbitrary<string>> = {
    feed: feeds,
    lane: fc.constant('dev-to-trusted'),
    name: fc.constantFrom('ci2', 'nobody'),
    id: ids,
    digest: digests,
  }
  const calls = fc.constantFrom(...asking).chain((id) => {
    const operation: Operation = operations[id]
    const names = [...operation.path.matchAll(/\{([a-z]+)\}/g)].map(([, name]) => name!)
    return fc.record({
      id: fc.constant(id),
      params: fc.record(
        Object.fromEntries(
          names.map((name) => [
            name,
            fc.oneof({ weight: 6, arbitrary: param[name] ?? words }, { weight: 1, arbitrary: odd }),
          ]),
        ),
      ),
      query: mostly(fc.constant({}), operation.query ? schemaOf(operation.query) : fc.constant({})),
      more: mostly(fc.constant(''), queries(['limit', 'after', 'x'])),
      headers: mostly(fc.constant({}), headers),
      token: fc.constantFrom('ci', 'ci', 'ci', 'ci', 'admin', 'admin', 'admin', 'nobody', 'bad'),
      body: operation.body
        ? fc.oneof(
            { weight: 8, arbitrary: schemaOf(operation.body).map((value) => JSON.stringify(value) ?? '') },
            { weight: 1, arbitrary: bodies.map(String) },
          )
        : fc.constant(''),
      typed: fc.oneof(
        { weight: 8, arbitrary: fc.constant('application/json') },
        { weight: 1, arbitrary: types },
      ),
    })
  })
  const seen = new Set<OperationId>()
  const asked = fc.asyncProperty(
    calls,
    async ({ id, params, query, more, headers: given, token, body, typed }) => {
      const { method, path }: Operation = operations[id]
      const where = path.replace(/\{([a-z]+)\}/g, (_, name: string) =>
        inPath(params[name] ?? '').replace(/[?/]/g, encodeURIComponent),
      )
      const pairs = Object.entries(query ?? {}).map(
        ([key, value]) => `${inPath(key)}=${inPath(String(value)).replaceAll('&', '%26')}`,
      )
      const bearer = tokens[token]
      const answer = await send(method, `/api/v1${where}?${[...pairs, more].join('&')}`, {
        headers: {
          ...given,
          ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
          ...(body !== '' && { 'content-type': typed }),
          'content-length': String(Buffer.byteLength(body)),
        },
        body: Buffer.from(body),
      })
      expectProblem(answer)
      seen.add(id)
    },
  )
  await fc.assert(asked, run)
  expect(seen.size).toBeGreaterThan(asking.length / 2)
})

test('/token, and paths of no endpoint', { timeout: 60_000 }, async () => {
  const form = queries([
    'grant_type',
    'service',
    'scope',
    'client_id',
    'username',
    'password',
    'refresh_token',
    'account',
  ])
  const scope = fc
    .tuple(fc.constantFrom('repository', 'registry', 'x'), words, words)
    .map((it) => it.join(':'))
  const asked = fc.asyncProperty(
    fc.constantFrom('GET', 'POST', 'PUT'),
    fc.oneof(
      { weight: 4, arbitrary: fc.constant('/token') },
      { weight: 1, arbitrary: words.map((it) => `/${it}`) },
    ),
    fc.tuple(form, fc.array(scope, { maxLength: 2 })),
    headers,
    credentials,
    async (method, path, [query, scopes], given, authorization) => {
      const text = [query, ...scopes.map((it) => `scope=${inPath(it).replaceAll('&', '%26')}`)]
        .filter(Boolean)
        .join('&')
      const posts = method !== 'GET'
      const body = Buffer.from(text)
      const answer = await send(method, `${inPath(path)}${posts ? '' : `?${text}`}`, {
        headers: {
          ...given,
          ...(authorization !== undefined && { authorization }),
          ...(posts && {
            'content-type': 'application/x-www-form-urlencoded',
            'content-length': String(body.length),
          }),
        },
        ...(posts && { body }),
      })
      expect(answer.status).toBeLessThan(500)
      expect(answer.status < 400 ? 'json' : answer.headers['content-type']).toMatch(/json/)
    },
  )
  await fc.assert(asked, run)
})

test('afterwards it still serves', async () => {
  const { status } = await send('GET', `/v2/dev/app/manifests/${there.digest}`, {
    headers: { authorization: basic('ci') },
  })
  expect([200, 404]).toContain(status)
  expect(await service.signIn('ci', PASSWORD)).toBeTypeOf('string')
})
