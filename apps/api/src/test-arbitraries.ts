import type { Operation } from '@sluice/contract'
import * as fc from 'fast-check'
import { z } from 'zod'
import { basic, digestOf } from './test-service.ts'

/** What the service has, so that some of what is sent finds it. */
export const there = { digest: '', request: '', uploads: new Array<string>() }

/**
 * Text that has broken parsers: NUL, halves of pairs, other alphabets, numbers that are none, escapes, length. All
 * of it together stays below the 16 KiB of headers that node itself takes; beyond, it answers a bare 431.
 */
export const odd = fc.oneof(
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
export const digests = fc.oneof(
  fc.constantFrom('sha256:', 'sha256:xyz', 'sha512:', 'md5:d41d8cd98f00b204e9800998ecf8427e', ':', 'sha256'),
  fc.constantFrom('0'.repeat(64), 'A'.repeat(64), '0'.repeat(63)).map((hex) => `sha256:${hex}`),
  fc.constant('0'.repeat(128)).map((hex) => `sha512:${hex}`),
  fc.constant(null).map(() => there.digest),
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
export const feeds = fc.constantFrom('dev', 'trusted', 'none', 'DEV', 'localhost')
export const ids = fc.oneof(
  fc.constant(null).map(() => there.request),
  fc.nat(2).map((at) => there.uploads[at]!),
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
export const mostly = <A, B>(usual: fc.Arbitrary<A>, other: fc.Arbitrary<B>) =>
  fc.oneof({ weight: 6, arbitrary: usual }, { weight: 1, arbitrary: other })
export const words = fc.oneof(
  { weight: 3, arbitrary: odd },
  { weight: 6, arbitrary: fc.oneof(digests, tags, repositories, feeds, ids, times, images) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('dev-to-trusted', 'admin', 'ci', 'user:ci', 'robot:x', '*', 'pull'),
  },
)

/** What may stand in a request line: the rest is escaped, or is `?` where nothing else will do. */
export const inPath = (text: string): string =>
  text
    .replace(/[^\x21-\x7e]/gu, (char) => encodeURIComponent(/\p{Cs}/u.test(char) ? '?' : char))
    .replace(/#/g, '%23')
const inHeader = (text: string): string => text.replace(/[^\x20-\x7e\x80-\xff]/g, '?').slice(0, 400)

export const queries = (keys: readonly string[]) =>
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
export const types = fc.constantFrom(
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
export const headers = fc
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

export const credentials = fc.oneof(
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
export const bodies = fc.oneof(
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
  digest: fc.constant(null).map(() => there.digest),
  subject: fc.constant(null).map(() => there.digest),
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

export const schemaOf = (schema: NonNullable<Operation['body']>) =>
  valueOf(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }))
