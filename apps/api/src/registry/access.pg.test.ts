import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { basic, digestOf, pushImage, startTestService, type TestService } from '../test-service.ts'

// Access follows membership, not bytes: sharing a blob never shares the right to read it.

let service: TestService
const [anna, otto] = [basic('anna'), basic('otto')]

beforeAll(async () => {
  service = await startTestService()
  for (const name of ['one', 'two']) {
    await service.call('createFeed', service.admin, { body: { name, stage: 'dev' } })
  }
  await service.person('anna', { one: ['pull', 'push'] })
  await service.person('otto', { two: ['pull', 'push'] })
  await service.person('both', { one: ['pull'], two: ['pull', 'push'] })
}, 60_000)
afterAll(() => service[Symbol.asyncDispose]())

async function ask(method: string, where: string, authorization: string | null, body?: Uint8Array | string) {
  const response = await fetch(`${service.url}/v2/${where}`, {
    method,
    headers: {
      ...(authorization !== null && { authorization }),
      ...(body !== undefined && { 'content-type': 'application/octet-stream' }),
    },
    ...(body !== undefined && { body: Buffer.from(body) }),
  })
  const bytes = Buffer.from(await response.arrayBuffer())
  return { status: response.status, location: response.headers.get('location') ?? '', bytes }
}

const upload = (name: string, bytes: Uint8Array, authorization: string) =>
  ask('POST', `${name}/blobs/uploads/?digest=${digestOf(bytes)}`, authorization, bytes)

/** Where an upload goes on, under `/v2/`. */
const session = async (name: string, authorization: string): Promise<string> =>
  (await ask('POST', `${name}/blobs/uploads/`, authorization)).location.replace(/^.*\/v2\//, '')

test('one blob in two repositories is read by each through its own alone', async () => {
  const bytes = randomBytes(1000)
  const digest = digestOf(bytes)
  expect((await upload('one/app', bytes, anna)).status).toBe(201)
  expect((await upload('two/app', bytes, otto)).status).toBe(201)
  for (const method of ['GET', 'HEAD']) {
    expect((await ask(method, `one/app/blobs/${digest}`, anna)).status).toBe(200)
    expect((await ask(method, `one/app/blobs/${digest}`, otto)).status).toBe(403)
    expect((await ask(method, `one/app/blobs/${digest}`, null)).status).toBe(401)
    expect((await ask(method, `two/app/blobs/${digest}`, otto)).status).toBe(200)
    expect((await ask(method, `two/other/blobs/${digest}`, otto)).status).toBe(404)
  }
  // Removed from one, it is where it was in the other.
  const params = { feed: 'one' }
  const { items } = (await service.call('getGrants', service.admin, { params })).body
  const grants = items.filter(({ principal }: { principal: string }) => principal !== 'user:anna')
  const body = [...grants, { principal: 'user:anna', verbs: ['pull', 'push', 'delete'] }]
  await service.call('putGrants', service.admin, { params, body })
  expect((await ask('DELETE', `one/app/blobs/${digest}`, anna)).status).toBe(202)
  expect((await ask('GET', `one/app/blobs/${digest}`, anna)).status).toBe(404)
  expect((await ask('GET', `two/app/blobs/${digest}`, otto)).bytes).toEqual(bytes)
})

test('who knows a digest and has not the bytes gets nothing by pushing', async () => {
  const secret = randomBytes(5000)
  const digest = digestOf(secret)
  await upload('one/secret', secret, anna)
  const tries: [string, () => Promise<{ status: number }>, number][] = [
    [
      'a mount from there',
      () => ask('POST', `two/theft/blobs/uploads/?mount=${digest}&from=one/secret`, otto),
      202,
    ],
    ['a mount from anywhere', () => ask('POST', `two/theft/blobs/uploads/?mount=${digest}`, otto), 202],
    ['no bytes', () => ask('POST', `two/theft/blobs/uploads/?digest=${digest}`, otto, ''), 400],
    [
      'other bytes',
      () => ask('POST', `two/theft/blobs/uploads/?digest=${digest}`, otto, secret.subarray(1)),
      400,
    ],
  ]
  for (const [what, run, status] of tries) {
    expect([what, (await run()).status]).toEqual([what, status])
    expect((await ask('HEAD', `two/theft/blobs/${digest}`, otto)).status).toBe(404)
  }
  const place = await session('two/theft', otto)
  expect((await ask('PATCH', place, otto, secret.subarray(0, 4999))).status).toBe(202)
  const joint = place.includes('?') ? '&' : '?'
  expect((await ask('PUT', `${place}${joint}digest=${digest}`, otto, '')).status).toBe(400)
  expect((await ask('HEAD', `two/theft/blobs/${digest}`, otto)).status).toBe(404)
  // Who may read both may mount.
  expect(
    (await ask('POST', `two/ours/blobs/uploads/?mount=${digest}&from=one/secret`, basic('both'))).status,
  ).toBe(201)
})

test('a manifest over bytes of another repository is refused, and tells nothing of them', async () => {
  const held = digestOf('held elsewhere')
  await upload('one/parts', Buffer.from('held elsewhere'), anna)
  const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: held, size: 14 }
  const answers = await Promise.all(
    [config, { ...config, digest: digestOf('held nowhere') }].map(async (one) => {
      const response = await fetch(`${service.url}/v2/two/parts/manifests/x`, {
        method: 'PUT',
        headers: { authorization: otto, 'content-type': 'application/vnd.oci.image.manifest.v1+json' },
        body: JSON.stringify({
          schemaVersion: 2,
          mediaType: 'application/vnd.oci.image.manifest.v1+json',
          config: one,
          layers: [],
        }),
      })
      return `${response.status} ${await response.text()}`.replaceAll(one.digest, 'D')
    }),
  )
  expect(answers[0]).toMatch(/^400 .*MANIFEST_BLOB_UNKNOWN/)
  expect(answers[0]).toBe(answers[1])
})

test('referrers, tags and the catalog are of what the caller may read', async () => {
  const digest = await pushImage(service.url, 'one/image', '1', { content: 'image', authorization: anna })
  await pushImage(service.url, 'two/image', '1', { content: 'image', authorization: otto })
  const referrer = (size: number) =>
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      artifactType: 'application/x-test',
      manifests: [],
      subject: { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size },
    })
  const response = await fetch(`${service.url}/v2/one/image/manifests/${digestOf(referrer(400))}`, {
    method: 'PUT',
    headers: { authorization: anna, 'content-type': 'application/vnd.oci.image.index.v1+json' },
    body: referrer(400),
  })
  expect([response.status, response.headers.get('oci-subject')]).toEqual([201, digest])
  const referrers = async (name: string, authorization: string) => {
    const { status, bytes } = await ask('GET', `${name}/referrers/${digest}`, authorization)
    return status === 200 ? JSON.parse(bytes.toString()).manifests.length : status
  }
  expect(await referrers('one/image', anna)).toBe(1)
  expect(await referrers('two/image', otto)).toBe(0)
  expect(await referrers('one/image', otto)).toBe(403)
  expect((await ask('GET', 'one/image/tags/list', otto)).status).toBe(403)
  expect((await ask('GET', `two/image/manifests/${digestOf(referrer(400))}`, otto)).status).toBe(404)
  const catalog = async (authorization: string) =>
    JSON.parse((await ask('GET', '_catalog', authorization)).bytes.toString()).repositories
  expect(await catalog(otto)).not.toContain('one/image')
  expect(await catalog(anna)).toContain('one/image')
})
