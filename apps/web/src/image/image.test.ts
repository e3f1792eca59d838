import { describe, expect, test } from 'vitest'
import { pickBaseline } from './baseline.ts'
import { compareLayers, comparePlatforms, compareTexts } from './compare.ts'
import { type Descriptor, readConfig, readManifest } from './manifest.ts'

const layer = (digest: string, size: number): Descriptor => ({
  mediaType: 'x',
  digest,
  size,
  platform: null,
  artifactType: null,
})

describe('manifests', () => {
  test('an image', () => {
    const source = {
      config: { mediaType: 'c', digest: 'd', size: 1 },
      layers: [{ digest: 'l', size: 2 }, 7],
      annotations: { a: 'b', n: 1 },
    }
    expect(readManifest(JSON.stringify(source))).toEqual({
      kind: 'image',
      config: { mediaType: 'c', digest: 'd', size: 1, platform: null, artifactType: null },
      layers: [{ mediaType: 'unknown', digest: 'l', size: 2, platform: null, artifactType: null }],
      artifactType: null,
      annotations: { a: 'b' },
    })
  })

  test('an index', () => {
    const entry = {
      mediaType: 'm',
      digest: 'd',
      size: 1,
      platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
    }
    expect(readManifest(JSON.stringify({ manifests: [entry] }))).toMatchObject({
      kind: 'index',
      entries: [{ platform: 'linux/arm64/v8' }],
    })
  })

  test.each(['[]', '1', '{}', '{', 'null'])('%s is none', (source) => {
    expect(() => readManifest(source)).toThrow(SyntaxError)
  })

  test('a config', () => {
    const config = {
      Entrypoint: ['/bin/app', 'two words'],
      Cmd: ['serve'],
      Env: ['A=1=2', 'B'],
      ExposedPorts: { '80/tcp': {}, '443/tcp': {} },
      Labels: { l: 'm' },
    }
    expect(
      readConfig(
        JSON.stringify({ os: 'linux', architecture: 'amd64', created: '2026-01-01T00:00:00Z', config }),
      ),
    ).toEqual({
      settings: { Entrypoint: '/bin/app "two words"', Command: 'serve', 'Exposed ports': '443/tcp, 80/tcp' },
      env: { A: '1=2', B: '' },
      labels: { l: 'm' },
      created: '2026-01-01T00:00:00Z',
      platform: 'linux/amd64',
    })
    expect(readConfig('{}')).toMatchObject({ settings: {}, env: {} })
  })
})

describe('changes', () => {
  test('layers, each digest counted once', () => {
    const changes = compareLayers(
      [layer('a', 1), layer('b', 10)],
      [layer('a', 1), layer('c', 100), layer('c', 100)],
    )
    expect(changes).toMatchObject({ shared: 1, added: 100, removed: 10 })
    expect(changes.layers.map(({ layer, change }) => `${layer.digest} ${change}`)).toEqual([
      'a shared',
      'c added',
      'c added',
      'b removed',
    ])
  })

  test('texts and platforms', () => {
    expect(compareTexts({ a: '1', b: '2', c: '' }, { a: '1', b: '3', d: '4' })).toEqual([
      { name: 'b', before: '2', after: '3' },
      { name: 'c', before: '', after: null },
      { name: 'd', before: null, after: '4' },
    ])
    expect(comparePlatforms(['a', 'b'], ['b', 'c'])).toEqual({ added: ['c'], removed: ['a'] })
  })
})

describe('what a request is compared with', () => {
  const at = (day: number) => `2026-01-0${day}T00:00:00Z`
  const trusted = [
    { tag: '1.9.0', digest: 'd9', pushedAt: at(1) },
    { tag: '1.10.0', digest: 'd10', pushedAt: at(2) },
    { tag: '2.0.0-rc.1', digest: 'rc', pushedAt: at(4) },
    { tag: 'nightly', digest: 'n', pushedAt: at(3) },
  ]
  const asked = (tag: string, expected: string | null = null) => ({
    digest: 'new',
    tags: [{ tag, expected }],
  })
  test.each([
    ['the tag that moves', asked('nightly', 'n'), trusted, 'nightly'],
    ['the release before', asked('1.10.0'), trusted, '1.9.0'],
    ['numbers, not letters', asked('1.11.0'), trusted, '1.10.0'],
    ['older than all: the newest release', asked('0.1.0'), trusted, '1.10.0'],
    ['no version: the newest release', asked('edge'), trusted, '1.10.0'],
    ['no release: the newest push', asked('edge'), trusted.slice(2), '2.0.0-rc.1'],
    [
      'its own digest is no baseline',
      { digest: 'd9', tags: [{ tag: 'x', expected: 'd9' }] },
      trusted.slice(0, 1),
      undefined,
    ],
    ['nothing there', asked('1.0.0'), [], undefined],
  ])('%s', (_, request, candidates, tag) => {
    expect(pickBaseline(request, candidates)?.tag).toBe(tag)
  })
})
