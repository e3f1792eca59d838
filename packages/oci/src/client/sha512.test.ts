import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from '../descriptor.ts'
import { digestOf } from '../digest.ts'
import { type Manifest, MANIFEST_LIMIT, parseManifest } from '../manifest.ts'
import { closeEnds, open } from '../testdata/copy.ts'
import { storeBlob, storeImage } from '../testdata/image.ts'
import { coded, fail, type FakeRegistry, fakeRegistry, type Intercept } from '../testdata/registry.ts'
import { referrersTag } from './referrers.ts'

// A registry that keeps what it is sent under the digest it is sent by, and calls all of it by sha256 in its answers.

let fake: FakeRegistry
beforeEach(async () => {
  fake = await fakeRegistry()
})
afterEach(() => closeEnds(fake))

const repository = () => open(fake).repository('team/app', 'pull,push')
const soon = () => Date.now() + 10_000

function image(fields: object = {}): { manifest: Manifest; digest: string } {
  const config = storeBlob(fake, 'team/app', Buffer.from('{}'), OCI_CONFIG)
  const document = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [], ...fields }
  const manifest = parseManifest(Buffer.from(JSON.stringify(document)), OCI_MANIFEST)
  return { manifest, digest: digestOf(manifest.bytes, 'sha512') }
}

/** Does what `?tag=` asks for. */
const tags: Intercept = (request) => {
  const [, tag] = /\?tag=(.+)$/.exec(request.url ?? '') ?? []
  if (tag !== undefined) request.url = `/v2/team/app/manifests/${tag}`
  return false
}

describe('a tag for a sha512 digest', () => {
  test('that is set and not said to be counts, by the bytes that are there', async () => {
    fake.intercept = tags
    const { manifest, digest } = image()
    await repository().putTag(manifest, { tag: 'v1', digest }, soon())
    expect(fake.manifests.get('team/app v1')?.bytes).toEqual(manifest.bytes)
  })

  test('that is said to be set is not asked for again', async () => {
    fake.intercept = (request, response) => {
      if (request.method === 'PUT') response.writeHead(201, { 'oci-tag': ['v0', 'v1'] }).end()
      return request.method === 'PUT'
    }
    const { manifest, digest } = image()
    await repository().putTag(manifest, { tag: 'v1', digest }, soon())
    expect(fake.log).toEqual([`PUT /v2/team/app/manifests/${digest}?tag=v1`])
  })

  test.each([
    ['nothing', false],
    ['another', true],
  ])('that is not set, where there is %s: said so, and it is not put there by sha256', async (_, there) => {
    const other = there ? storeImage(fake, 'team/app', [10], {}, 'v1').digest : null
    const { manifest, digest } = image()
    await expect(repository().putTag(manifest, { tag: 'v1', digest }, soon())).rejects.toEqual(
      coded('unsupported'),
    )
    expect(fake.log.filter((line) => line.startsWith('PUT'))).toHaveLength(1)
    expect((await repository().resolve('v1'))?.digest ?? null).toBe(other)
  })
})

describe('what a tag names', () => {
  test.each([
    ['sha256', 'sha512', 'is that'],
    ['sha512', 'sha256', 'was given that name'],
  ] as const)('is called by %s there, and was asked for by %s: it %s', async (calls, wanted, verdict) => {
    const { manifest } = image()
    await repository().putManifest(manifest, 'v1')
    fake.intercept = (request, response) => {
      const { size, mediaType, bytes } = manifest
      const said = { 'docker-content-digest': digestOf(bytes, calls), 'content-length': size }
      response.writeHead(200, { ...said, 'content-type': mediaType })
      response.end(request.method === 'HEAD' ? undefined : bytes)
      return true
    }
    const { mediaType, size } = manifest
    const called = digestOf(manifest.bytes, calls)
    const plain = { digest: called, mediaType, size }
    const digest = digestOf(manifest.bytes, wanted)
    const is = verdict === 'is that' ? { digest, called, mediaType, size } : plain
    expect(await repository().resolve('v1', undefined, digest)).toEqual(is)
    const other = digestOf(Buffer.from('other'), wanted)
    expect(await repository().resolve('v1', undefined, other)).toEqual(plain)
    expect(await repository().resolve('v1')).toEqual(plain)
  })

  test('is hashed by the algorithm that is asked for; null where there is nothing', async () => {
    const { manifest, digest } = image()
    await repository().putManifest(manifest, 'v1')
    expect(await repository().hashServed('v1', 'sha512')).toBe(digest)
    expect(await repository().hashServed('v2', 'sha512')).toBeNull()
  })

  test.each([
    ['no manifest that we read', Buffer.from('{"schemaVersion":1}')],
    ['larger than any manifest', Buffer.alloc(MANIFEST_LIMIT + 1)],
  ])('is told also where it is %s', async (_, bytes) => {
    const { digest } = image()
    fake.manifests.set('team/app v1', { type: 'application/vnd.docker.distribution.manifest.v1+json', bytes })
    const called = digestOf(bytes)
    expect(await repository().resolve('v1', undefined, digest)).toMatchObject({ digest: called })
  })

  test('a digest stays itself, also where HEAD tells too little', async () => {
    const { manifest, digest } = image()
    await repository().putManifest(manifest, digest)
    fake.intercept = (request, response) => {
      if (request.method === 'HEAD') response.writeHead(200).end()
      return request.method === 'HEAD'
    }
    expect(await repository().resolve(digest)).toMatchObject({ digest })
  })
})

test('a manifest that is kept under its sha512 digest is taken, whatever the answer calls it', async () => {
  const { manifest, digest } = image()
  await repository().putManifest(manifest, digest)
  expect(await repository().getManifest(digest)).toMatchObject({ bytes: manifest.bytes })
})

test.each([
  ['calls it by sha256', {}],
  ['says nothing of a digest', { 'docker-content-digest': undefined }],
])('one that is not is refused at once, where the answer %s', async (_, headers) => {
  const { manifest, digest } = image()
  fake.intercept = (request, response) => {
    if (request.method !== 'PUT') return fail(response, 404, 'MANIFEST_UNKNOWN')
    const said = { 'docker-content-digest': digestOf(manifest.bytes), ...headers }
    for (const [name, value] of Object.entries(said)) if (value !== undefined) response.setHeader(name, value)
    response.writeHead(201).end()
    return true
  }
  await expect(repository().putManifest(manifest, digest)).rejects.toEqual(coded('unsupported'))
})

test.each(['sha256', 'sha512'] as const)(
  'the tag that stands for the referrers lists one under the %s digest that it was put by',
  async (algorithm) => {
    fake.referrersApi = false
    const subject = storeImage(fake, 'team/app', [10])
    const { mediaType, digest, size } = subject
    const { manifest } = image({ subject: { mediaType, digest, size }, artifactType: 'application/sbom' })
    const own = digestOf(manifest.bytes, algorithm)
    await repository().putManifest(manifest, own)
    await repository().putManifest(manifest, own)
    expect(await repository().referrers(digest)).toMatchObject([{ digest: own, size: manifest.size }])
    expect(fake.manifests.get(`team/app ${referrersTag(digest)}`)?.type).toBe(OCI_INDEX)
  },
)
