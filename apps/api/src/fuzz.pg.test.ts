import http from 'node:http'
import { type Operation, type OperationId, operationIds, operations, problem } from '@sluice/contract'
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { basic, digestOf, PASSWORD, pushImage, startTestService, type TestService } from './test-service.ts'

// What anybody may send, by the thousand: whatever it is, the answer comes, is no 500, and has its documented form.

const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_123)
/** Of each of the three runs. */
const RUN_MS = 15_000
/** Generous: two cores that are busy with other tests. */
const ANSWER_MS = 10_000

let service: TestService
let agent: http.Agent
let digest: string
let request: string
let tokens: Record<string, string | undefined>
const uploads: string[] = []

beforeAll(async () => {
  process.stdout.write(`fuzz: FUZZ_SEED=${SEED}\n`)
  service = await startTestService()
  agent = new http.Agent({ keepAlive: true, maxSockets: 4 })
  const ci = await service.person('ci', {
    dev: ['pull', 'push', 'delete', 'request', 'admin'],
    trusted: ['pull', 'request', 'approve', 'admin', 'recall'],
  })
  tokens = { nobody: undefined, ci, admin: service.admin, bad: 'sluice_bad' }
  digest = await pushImage(service.url, 'dev/app', '1.0.0', { content: 'x', authorization: basic('ci') })
  const asked = { lane: 'dev-to-trusted', image: 'app:1.0.0' }
  request = (await service.call('createRequest', ci, { body: asked })).body.id
  for (let i = 0; i < 3; i++) {
    const { headers } = await send('POST', '/v2/dev/app/blobs/uploads/', {
      headers: { authorization: basic('ci'), 'content-length': '0' },
    })
    uploads.push(headers['location']!.split('/').at(-1)!)
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

// ── what is sent ────────────────────────────────────────────────────────────────────────────

/**
 * Text that has broken parsers: NUL, halves of pairs, other alphabets, numbers that are none, escapes, length. All
 * of it together stays below the 16 KiB of headers that node itself takes; beyond, it answers a bare 431.
 */
const odd = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '.',
    '..',
    '%',
    '%00',
    '%2e%2e',
    '%2F',
    '%zz',
    '%ff',
    '%ed%a0%80',
    '\0',
    '\ud800',
    '\u202e',
    'İ',
    '-1',
    '0',
    '1e9',
    '99999999999999999999',
    'NaN',
    'Infinity',
    'null',
    'true',
    '[]',
    '{}',
    '__proto__',
    "'",
    '"',
    "';--",
    '$1',
    '\\',
    '*',
    '?',
    '#',
    '&',
    '=',
    ':',
    '@',
    '//',
    '/',
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ maxLength: 200 }),
  fc.integer({ min: 200, max: 1000 }).map((length) => 'a'.repeat(length)),
)
const digests = fc.oneof(
  fc.constantFrom('sha256:', 'sha256:xyz', 'sha512:', 'md5:d41d8cd98f00b204e9800998ecf8427e', ':', 'sha256'),
  fc.constantFrom('0'.repeat(64), 'A'.repeat(64), '0'.repeat(63)).map((hex) => `sha256:${hex}`),
  fc.constant('0'.repeat(128)).map((hex) => `sha512:${hex}`),
  fc.constant(null).map(() => digest),
  fc.constantFrom('{}', 'x', 'y', '').map((bytes) => digestOf(bytes)),
)
const tags = fc.constantFrom(
  '1.0.0',
  '1.0',
  'latest',
  'latest-stable',
  '-x',
  '.x',
  '1.0.0+1',
  'x'.repeat(129),
)
const repositories = fc.constantFrom(
  'app',
  'app/app',
  'APP',
  'a//b',
  'blobs/uploads',
  'manifests',
  'tags/list',
  'a'.repeat(256),
  'new',
  '_x',
)
const feeds = fc.constantFrom('dev', 'trusted', 'none', 'DEV', 'localhost')
const ids = fc.oneof(
  fc.constant(null).map(() => request),
  fc.nat(2).map((at) => uploads[at]!),
  fc.constantFrom('00000000-0000-0000-0000-000000000000', '0'.repeat(32), 'x'),
)
const times = fc.constantFrom(
  '2026-01-01T00:00:00Z',
  '0000-01-01T00:00:00Z',
  '9999-12-31T23:59:59+14:00',
  '2026',
)
const images = fc
  .tuple(repositories, fc.constantFrom(':', '@'), fc.oneof(tags, digests))
  .map((parts) => parts.join(''))
/** The one, and now and then the other. */
const mostly = <A, B>(usual: fc.Arbitrary<A>, other: fc.Arbitrary<B>) =>
  fc.oneof({ weight: 6, arbitrary: usual }, { weight: 1, arbitrary: other })
const words = fc.oneof(
  { weight: 3, arbitrary: odd },
  { weight: 6, arbitrary: fc.oneof(digests, tags, repositories, feeds, ids, times, images) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('dev-to-trusted', 'admin', 'ci', 'user:ci', 'robot:x', '*', 'pull'),
  },
)

/** What may stand in a request line: the rest is escaped, or is `?` where nothing else will do. */
const inPath = (text: string): string =>
  text
    .replace(/[^\x21-\x7e]/gu, (char) => encodeURIComponent(/\p{Cs}/u.test(char) ? '?' : char))
    .replace(/#/g, '%23')
const inHeader = (text: string): string => text.replace(/[^\x20-\x7e\x80-\xff]/g, '?').slice(0, 400)

const queries = (keys: readonly string[]) =>
  fc
    .array(
      fc.tuple(
        fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...keys) }, { weight: 1, arbitrary: odd }),
        words,
      ),
      {
        maxLength: 3,
      },
    )
    .map((pairs) =>
      pairs.map(([key, value]) => `${inPath(key)}=${inPath(value).replaceAll('&', '%26')}`).join('&'),
    )

const ranges = fc.oneof(
  fc.constantFrom(
    '0-0',
    '0-',
    '-1',
    '5-1',
    '0-99999999999999999999',
    'bytes=',
    'bytes=0-0,2-3',
    'bytes 0-1/2',
    'x=0-1',
  ),
  fc
    .tuple(fc.constantFrom('', 'bytes=', 'bytes '), fc.integer(), fc.integer())
    .map(([unit, a, b]) => `${unit}${a}-${b}`),
  odd,
)
const types = fc.constantFrom(
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.v1+json',
  'application/json',
  'application/json; charset=utf-7',
  'text/plain',
  'application/octet-stream',
  '',
  ';',
  'a/b;c="',
)
const etags = fc.oneof(
  fc.constantFrom('*', '""', 'W/"x"', '"'),
  digests.map((it) => `"${it}"`),
  odd,
)
const headers = fc
  .record(
    {
      range: ranges,
      'content-range': ranges,
      'content-type': types,
      'if-match': etags,
      'if-none-match': etags,
      'if-range': etags,
      accept: fc.oneof(types, odd),
      'content-encoding': fc.constantFrom('gzip', 'identity', 'x'),
      'x-request-id': odd,
      'idempotency-key': odd,
      'x-forwarded-host': odd,
      'x-forwarded-proto': odd,
      origin: odd,
      cookie: odd,
    },
    { requiredKeys: [] },
  )
  .map((given) => Object.fromEntries(Object.entries(given).map(([name, value]) => [name, inHeader(value)])))

const credentials = fc.oneof(
  { weight: 6, arbitrary: fc.constant('ci').map((who) => basic(who)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(basic('nobody'), 'Basic', 'Basic %%%', 'Bearer', 'Bearer a.b.c', undefined),
  },
  { weight: 1, arbitrary: odd.map(inHeader) },
)

/** Manifests that are nearly right: each field may be missing, of another type, or out of bounds. */
const descriptor = fc.record(
  {
    mediaType: fc.oneof(types, fc.jsonValue()),
    digest: fc.oneof(digests, fc.jsonValue()),
    size: fc.oneof(fc.constantFrom(0, 1, 2, -1, 1.5, 2 ** 53, 1e308), fc.jsonValue()),
    platform: fc.oneof(fc.constant({ os: 'linux', architecture: 'amd64' }), fc.jsonValue()),
    annotations: fc.oneof(fc.dictionary(odd, odd, { maxKeys: 2 }), fc.jsonValue()),
    urls: fc.jsonValue(),
  },
  { requiredKeys: [] },
)
const manifests = fc
  .record(
    {
      schemaVersion: fc.oneof(
        { weight: 5, arbitrary: fc.constant(2) },
        { weight: 1, arbitrary: fc.jsonValue() },
      ),
      mediaType: fc.oneof(types, fc.jsonValue()),
      config: descriptor,
      layers: fc.oneof(fc.array(descriptor, { maxLength: 3 }), fc.jsonValue()),
      manifests: fc.oneof(fc.array(descriptor, { maxLength: 3 }), fc.jsonValue()),
      subject: descriptor,
      artifactType: words,
      annotations: fc.oneof(fc.dictionary(odd, odd, { maxKeys: 2 }), fc.jsonValue()),
    },
    { requiredKeys: [] },
  )
  .map((value) => JSON.stringify(value))
const depths = fc.constantFrom(100, 10_000, 100_000).map((depth) => '['.repeat(depth))
const bodies = fc.oneof(
  fc.constant(Buffer.alloc(0)),
  fc.constantFrom('{}', 'x', 'y').map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  manifests.map((text) => Buffer.from(text)),
  fc.oneof(depths, fc.json()).map((text) => Buffer.from(text)),
)

/** What fields of these names mostly hold, so that calls get past their schema. */
const known: Record<string, fc.Arbitrary<string>> = {
  feed: fc.constantFrom('dev', 'trusted'),
  from: fc.constantFrom('dev', 'trusted'),
  to: fc.constantFrom('dev', 'trusted', 'none'),
  lane: fc.constant('dev-to-trusted'),
  image: fc.oneof(fc.constantFrom('app:1.0.0', 'trusted/app:1.0.0', 'dev/app:1.0.0', 'new:1'), images),
  digest: fc.constant(null).map(() => digest),
  subject: fc.constant(null).map(() => digest),
  repository: fc.constantFrom('app', 'new', 'app/app'),
  targetRepository: fc.constantFrom('app', 'new'),
  tag: fc.constantFrom('1.0.0', 'latest', 'x'),
  name: fc.constantFrom('n1', 'n2', 'n3', 'ci2'),
  username: fc.constantFrom('n1', 'n2', 'ci2'),
  password: fc.constantFrom('long enough', 'x'),
  principal: fc.constantFrom('user:ci', 'ci2', 'group:n1', '*'),
  expiresAt: fc.constantFrom('2027-01-01T00:00:00Z', '2020-01-01T00:00:00Z'),
  reason: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 }),
}

/** Values of a JSON Schema, and now and then others. */
function valueOf(schema: z.core.JSONSchema.BaseSchema | boolean, field = ''): fc.Arbitrary<unknown> {
  const right = rightValueOf(typeof schema === 'boolean' ? {} : schema, field)
  return fc.oneof({ weight: 20, arbitrary: right }, { weight: 1, arbitrary: fc.oneof(fc.jsonValue(), words) })
}

function rightValueOf(schema: z.core.JSONSchema.BaseSchema, field: string): fc.Arbitrary<unknown> {
  const options = schema.anyOf ?? schema.oneOf
  if (options !== undefined) return fc.oneof(...options.map((one) => valueOf(one, field)))
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.type === 'object') {
    const fields = Object.entries(schema.properties ?? {}).map(
      ([key, value]) => [key, valueOf(value, key)] as const,
    )
    const required = schema.required ?? []
    const whole = fc.record(Object.fromEntries(fields), { requiredKeys: required })
    const free = fc.dictionary(odd, words, { maxKeys: 2 })
    return fields.length === 0
      ? free
      : fc.oneof({ weight: 12, arbitrary: whole }, { weight: 1, arbitrary: free })
  }
  if (schema.type === 'array') {
    const { items } = schema
    return fc.array(Array.isArray(items) || items === undefined ? fc.jsonValue() : valueOf(items, field), {
      maxLength: 3,
    })
  }
  if (schema.type === 'boolean') return fc.boolean()
  if (schema.type === 'integer' || schema.type === 'number') {
    return fc.oneof(fc.integer(), fc.constantFrom(0, 1, -1, 2 ** 31, 2 ** 53, 1.5, 1e308))
  }
  return mostly(known[field] ?? words, words)
}

const schemaOf = (schema: NonNullable<Operation['body']>) =>
  valueOf(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }))

const run = { seed: SEED, numRuns: 100_000, interruptAfterTimeLimit: RUN_MS, endOnFailure: false } as const

// ── the runs ────────────────────────────────────────────────────────────────────────────────

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
  const { status } = await send('GET', `/v2/dev/app/manifests/${digest}`, {
    headers: { authorization: basic('ci') },
  })
  expect([200, 404]).toContain(status)
  expect(await service.signIn('ci', PASSWORD)).toBeTypeOf('string')
})
