import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  DOCKER_CONFIG,
  DOCKER_LAYER_GZIP,
  DOCKER_MANIFEST,
  DOCKER_MANIFEST_LIST,
  DOCKER_SCHEMA1_SIGNED,
  MANIFEST_TYPES,
  NON_DISTRIBUTABLE_LAYERS,
  OCI_CONFIG,
  OCI_EMPTY,
  OCI_INDEX,
  OCI_LAYER_GZIP,
  OCI_MANIFEST,
} from './descriptor.ts'
import { digestOf } from './digest.ts'
import { OciError } from './errors.ts'
import { MANIFEST_LIMIT, parseManifest, successors } from './manifest.ts'

const utf8 = (text: string) => new TextEncoder().encode(text)
const json = (value: unknown) => utf8(JSON.stringify(value))
const digest = digestOf(utf8('{}'))
const link = (mediaType: string, more = {}) => ({ mediaType, digest, size: 2, ...more })
const config = link(OCI_CONFIG)
const layer = link(OCI_LAYER_GZIP)
const image = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [layer] }
const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [link(OCI_MANIFEST)] }

test('an OCI manifest', () => {
  const bytes = json({ ...image, subject: link(OCI_INDEX), annotations: { a: 'b' } })
  expect(parseManifest(bytes, OCI_MANIFEST)).toEqual({
    mediaType: OCI_MANIFEST,
    kind: 'manifest',
    bytes,
    size: bytes.length,
    config,
    layers: [layer],
    manifests: [],
    subject: link(OCI_INDEX),
    artifactType: OCI_CONFIG,
    annotations: { a: 'b' },
  })
})

test('an index', () => {
  const platform = { architecture: 'arm64', os: 'linux', variant: 'v8' }
  const bytes = json({ ...index, manifests: [link(OCI_MANIFEST, { platform })] })
  expect(parseManifest(bytes, OCI_INDEX)).toEqual({
    mediaType: OCI_INDEX,
    kind: 'index',
    bytes,
    size: bytes.length,
    config: null,
    layers: [],
    manifests: [link(OCI_MANIFEST, { platform })],
    subject: null,
    artifactType: undefined,
    annotations: {},
  })
})

describe('accepts', () => {
  test.each<[string, unknown, string]>([
    [
      'a docker manifest',
      {
        schemaVersion: 2,
        mediaType: DOCKER_MANIFEST,
        config: link(DOCKER_CONFIG),
        layers: [link(DOCKER_LAYER_GZIP)],
      },
      DOCKER_MANIFEST,
    ],
    [
      'a docker list',
      { schemaVersion: 2, mediaType: DOCKER_MANIFEST_LIST, manifests: [link(DOCKER_MANIFEST)] },
      DOCKER_MANIFEST_LIST,
    ],
    ['no mediaType field', { ...image, mediaType: undefined }, OCI_MANIFEST],
    ['an empty index', { ...index, manifests: [] }, OCI_INDEX],
    ['an empty index as Go writes it', { ...index, manifests: null }, OCI_INDEX],
    ['a nested index', { ...index, manifests: [link(OCI_INDEX)] }, OCI_INDEX],
    ['an index with a subject', { ...index, subject: link(OCI_MANIFEST) }, OCI_INDEX],
    ['no layers', { ...image, layers: [] }, OCI_MANIFEST],
    [
      'unknown fields',
      { ...image, 'org.example': { layers: 1, x: [[1]] }, config: { ...config, y: null } },
      OCI_MANIFEST,
    ],
    ['the data field', { ...image, config: link(OCI_EMPTY, { data: 'e30=' }) }, OCI_MANIFEST],
    [
      'an empty blob',
      { ...image, layers: [{ ...layer, size: 0, digest: digestOf(utf8('')) }] },
      OCI_MANIFEST,
    ],
    [
      'a sha512 link',
      { ...image, config: { ...config, digest: digestOf(utf8('{}'), 'sha512') } },
      OCI_MANIFEST,
    ],
    ['parameters of the Content-Type', image, `${OCI_MANIFEST}; charset=utf-8`],
    [
      'annotations that differ in case only',
      { ...image, annotations: { a: '1', A: '2', layers: '', Layers: '' } },
      OCI_MANIFEST,
    ],
    [
      'a subject in a docker manifest as an unknown field',
      { ...image, mediaType: DOCKER_MANIFEST, subject: 1 },
      DOCKER_MANIFEST,
    ],
  ])('%s', (_, document, contentType) => {
    const bytes = json(document)
    const manifest = parseManifest(bytes, contentType)
    expect(manifest.mediaType).toBe(contentType.split(';')[0])
    expect(manifest.bytes).toBe(bytes)
  })

  test('white space after the document: the bytes are the truth', () => {
    const bytes = utf8(`${JSON.stringify(image)} \n `)
    expect(parseManifest(bytes, OCI_MANIFEST)).toMatchObject({ bytes, size: bytes.length })
  })

  test('a manifest of exactly the limit, and no byte more', () => {
    const bytes = utf8(JSON.stringify(image).padEnd(MANIFEST_LIMIT))
    expect(parseManifest(bytes, OCI_MANIFEST).size).toBe(MANIFEST_LIMIT)
    expect(() => parseManifest(new Uint8Array(MANIFEST_LIMIT + 1), OCI_MANIFEST)).toThrow(
      expect.objectContaining({ code: 'TOO_LARGE' }),
    )
  })
})

test.each([
  ['its own', { ...image, artifactType: 'a/b' }, OCI_MANIFEST, 'a/b'],
  ['its config', image, OCI_MANIFEST, OCI_CONFIG],
  ['its config when its own is empty', { ...image, artifactType: '' }, OCI_MANIFEST, OCI_CONFIG],
  ['its own, for an index', { ...index, artifactType: 'a/b' }, OCI_INDEX, 'a/b'],
  ['none, for an index', index, OCI_INDEX, undefined],
])('the artifact type is %s', (_, document, contentType, expected) => {
  expect(parseManifest(json(document), contentType).artifactType).toBe(expected)
})

const text = JSON.stringify(image)
const deep = (levels: number) => text.replace('{', `{"x":${'['.repeat(levels)}${']'.repeat(levels)},`)

describe('refuses', () => {
  test.each<[string, string | Uint8Array | object, string]>([
    ['nothing', '', 'MANIFEST_INVALID'],
    ['half a document', text.slice(0, -1), 'MANIFEST_INVALID'],
    ['a string without an end', '{"a', 'MANIFEST_INVALID'],
    ['an escape without an end', '{"a\\', 'MANIFEST_INVALID'],
    ['two documents', text + text, 'MANIFEST_INVALID'],
    ['a list', '[]', 'MANIFEST_INVALID'],
    ['null', 'null', 'MANIFEST_INVALID'],
    ['invalid UTF-8', Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d), 'MANIFEST_INVALID'],
    ['a byte order mark', `\ufeff${text}`, 'MANIFEST_INVALID'],
    ['UTF-16', new Uint8Array(Buffer.from(text, 'utf16le')), 'MANIFEST_INVALID'],
    ['layers twice', text.replace('{', '{"layers":[],'), 'MANIFEST_INVALID'],
    ['a key twice, once escaped', text.replace('{', '{"l\\u0061yers":[],'), 'MANIFEST_INVALID'],
    ['a key twice, deep down', text.replace('{', '{"x":[{"a":1,"b":{},"a":2}],'), 'MANIFEST_INVALID'],
    ['__proto__ twice', text.replace('{', '{"__proto__":{},"__proto__":{},'), 'MANIFEST_INVALID'],
    ['a field in another case', { ...image, Layers: [] }, 'MANIFEST_INVALID'],
    ['a field with a folded letter', { ...image, 'layer\u017f': [] }, 'MANIFEST_INVALID'],
    [
      'a descriptor field in another case',
      { ...image, layers: [{ ...layer, Digest: digest }] },
      'MANIFEST_INVALID',
    ],
    ['65 levels', deep(64), 'MANIFEST_INVALID'],
    ['a million levels', '['.repeat(1_000_000), 'MANIFEST_INVALID'],
    ['no schemaVersion', { ...image, schemaVersion: undefined }, 'MANIFEST_INVALID'],
    ['schemaVersion 1', { ...image, schemaVersion: 1 }, 'MANIFEST_INVALID'],
    ['schemaVersion as text', { ...image, schemaVersion: '2' }, 'MANIFEST_INVALID'],
    ['another mediaType', { ...image, mediaType: OCI_INDEX }, 'MANIFEST_INVALID'],
    ['a mediaType in another case', { ...image, mediaType: OCI_MANIFEST.toUpperCase() }, 'MANIFEST_INVALID'],
    [
      'a mediaType that cannot be written',
      { ...image, mediaType: { toString: 1, valueOf: 1 } },
      'MANIFEST_INVALID',
    ],
    ['manifests in a manifest', { ...image, manifests: [] }, 'MANIFEST_INVALID'],
    ['fsLayers in a manifest', { ...image, fsLayers: [] }, 'MANIFEST_INVALID'],
    ['no config', { ...image, config: undefined }, 'MANIFEST_INVALID'],
    ['config null', { ...image, config: null }, 'MANIFEST_INVALID'],
    ['no layers field', { ...image, layers: undefined }, 'MANIFEST_INVALID'],
    ['layers that are an object', { ...image, layers: {} }, 'MANIFEST_INVALID'],
    ['a layer that is null', { ...image, layers: [null] }, 'MANIFEST_INVALID'],
    ['a link without type', { ...image, config: { digest, size: 2 } }, 'MANIFEST_INVALID'],
    ['a link with a line break in its type', { ...image, config: link('a/b\r\nX: 1') }, 'MANIFEST_INVALID'],
    ['a link without digest', { ...image, config: { ...config, digest: undefined } }, 'MANIFEST_INVALID'],
    [
      'a digest in upper case',
      { ...image, config: { ...config, digest: digest.toUpperCase() } },
      'DIGEST_INVALID',
    ],
    ['another algorithm', { ...image, layers: [{ ...layer, digest: 'md5:00' }] }, 'DIGEST_UNSUPPORTED'],
    ['no size', { ...image, config: { ...config, size: undefined } }, 'SIZE_INVALID'],
    ['a negative size', { ...image, config: { ...config, size: -1 } }, 'SIZE_INVALID'],
    ['a broken size', { ...image, config: { ...config, size: 1.5 } }, 'SIZE_INVALID'],
    ['a size as text', { ...image, config: { ...config, size: '2' } }, 'SIZE_INVALID'],
    ['a size beyond 2^53', text.replace('"size":2', '"size":9007199254740993'), 'SIZE_INVALID'],
    ['a size beyond all', text.replace('"size":2', '"size":1e999'), 'SIZE_INVALID'],
    ['data of another size', { ...image, config: { ...config, data: 'e30gIA==' } }, 'MANIFEST_INVALID'],
    ['data of another content', { ...image, config: { ...config, data: 'W10=' } }, 'MANIFEST_INVALID'],
    ['urls that are no list', { ...image, layers: [{ ...layer, urls: 'http://x' }] }, 'MANIFEST_INVALID'],
    ['a platform that is text', { ...image, config: { ...config, platform: 'linux' } }, 'MANIFEST_INVALID'],
    [
      'a platform field in another case',
      { ...image, config: { ...config, platform: { OS: 'a' } } },
      'MANIFEST_INVALID',
    ],
    ['an annotation that is a number', { ...image, annotations: { a: 1 } }, 'MANIFEST_INVALID'],
    ['an annotation with NUL', { ...image, annotations: { a: '\0' } }, 'MANIFEST_INVALID'],
    ['an annotation key with half a pair', { ...image, annotations: { '\ud800': '' } }, 'MANIFEST_INVALID'],
    ['an artifactType that is no type', { ...image, artifactType: 'x' }, 'MANIFEST_INVALID'],
    ['a subject that is no link', { ...image, subject: 'x' }, 'MANIFEST_INVALID'],
  ])('%s', (_, document, code) => {
    const bytes =
      document instanceof Uint8Array
        ? document
        : typeof document === 'string'
          ? utf8(document)
          : json(document)
    expect(() => parseManifest(bytes, OCI_MANIFEST)).toThrow(expect.objectContaining({ code }))
    expect(() => parseManifest(bytes, OCI_MANIFEST)).toThrow(OciError)
  })

  test.each(['config', 'layers', 'fsLayers'])('%s in an index', (field) => {
    expect(() => parseManifest(json({ ...index, [field]: [] }), OCI_INDEX)).toThrow(
      expect.objectContaining({ code: 'MANIFEST_INVALID' }),
    )
  })

  test.each(['', 'application/json', DOCKER_SCHEMA1_SIGNED, OCI_MANIFEST.toUpperCase(), `x ${OCI_MANIFEST}`])(
    'the Content-Type %j',
    (contentType) => {
      expect(() => parseManifest(json(image), contentType)).toThrow(
        expect.objectContaining({ code: 'MEDIA_TYPE_UNSUPPORTED' }),
      )
    },
  )
})

test('63 levels below the document are read', () => {
  expect(parseManifest(utf8(deep(63)), OCI_MANIFEST).layers).toHaveLength(1)
})

test('4 MiB of keys, links or quotes are read or refused in good time', () => {
  const keys = Array.from({ length: 380_000 }, (_, i) => `"${i}":1`).join()
  const links = JSON.stringify({
    ...index,
    manifests: Array.from({ length: 25_000 }, () => link(OCI_MANIFEST)),
  })
  const start = performance.now()
  expect(parseManifest(utf8(text.replace('{', `{${keys},`)), OCI_MANIFEST).layers).toHaveLength(1)
  expect(parseManifest(utf8(links), OCI_INDEX).manifests).toHaveLength(25_000)
  expect(() => parseManifest(utf8('"'.repeat(MANIFEST_LIMIT)), OCI_INDEX)).toThrow(OciError)
  expect(performance.now() - start).toBeLessThan(5000)
})

describe('whatever the bytes, the own error or a manifest of these bytes', () => {
  const type = fc.constantFrom(...MANIFEST_TYPES)
  const check = (bytes: Uint8Array, contentType: string) => {
    try {
      expect(parseManifest(bytes, contentType).bytes).toBe(bytes)
    } catch (error) {
      expect(error).toBeInstanceOf(OciError)
    }
  }
  test('any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), fc.oneof(type, fc.string()), check))
  })
  test('any JSON', () => {
    fc.assert(fc.property(fc.json().map(utf8), type, check))
  })
  test('a manifest with one field replaced', () => {
    const field = fc.constantFrom(
      'schemaVersion',
      'mediaType',
      'config',
      'layers',
      'manifests',
      'subject',
      'annotations',
      'artifactType',
    )
    const value = fc.oneof(
      fc.jsonValue(),
      fc.jsonValue().map((inner) => [inner]),
      fc.record({
        mediaType: fc.jsonValue(),
        digest: fc.constant(digest),
        size: fc.jsonValue(),
        platform: fc.jsonValue(),
        data: fc.jsonValue(),
      }),
    )
    fc.assert(
      fc.property(fc.constantFrom(image, index), field, value, type, (base, key, changed, contentType) => {
        check(json({ ...base, mediaType: contentType, [key]: changed }), contentType)
      }),
    )
  })
  test('a manifest with one byte changed', () => {
    const bytes = json(image)
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        check(bytes.with(at, byte), OCI_MANIFEST)
      }),
    )
  })
})

describe('successors', () => {
  const edges = (document: unknown, contentType: string) =>
    successors(parseManifest(json(document), contentType)).map(({ kind, descriptor, distributable }) => [
      kind,
      descriptor.mediaType,
      distributable,
    ])

  test('of a manifest: config, layers, subject', () => {
    const foreign = NON_DISTRIBUTABLE_LAYERS.map((type) => link(type))
    expect(
      edges(
        { ...image, layers: [layer, ...foreign, link(OCI_MANIFEST)], subject: link(OCI_INDEX) },
        OCI_MANIFEST,
      ),
    ).toEqual([
      ['config', OCI_CONFIG, true],
      ['layer', OCI_LAYER_GZIP, true],
      ...NON_DISTRIBUTABLE_LAYERS.map((type) => ['layer', type, false]),
      ['layer', OCI_MANIFEST, true], // a layer is a blob whatever its type says
      ['subject', OCI_INDEX, true],
    ])
  })

  test('of an index: manifests, and blobs where the type is none of a manifest', () => {
    expect(
      edges(
        { ...index, manifests: [...MANIFEST_TYPES, OCI_LAYER_GZIP].map((type) => link(type)) },
        OCI_INDEX,
      ),
    ).toEqual([...MANIFEST_TYPES.map((type) => ['manifest', type, true]), ['layer', OCI_LAYER_GZIP, true]])
  })
})
