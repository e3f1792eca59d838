import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { basic, digestOf, type Json, pushImage, startTestService, type TestService } from '../test-service.ts'

// Where `docker-registry` 2.8 falls short, one test each; a kill in the middle of an upload is in
// tests/upload.e2e.test.ts.

let service: TestService
let folder: string

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-peers-'))
  service = await startTestService({ SLUICE_DATA_DIR: folder })
  await service.person('ci', { dev: ['pull', 'push'] })
}, 60_000)
afterAll(async () => {
  await service[Symbol.asyncDispose]()
  fs.rmSync(folder, { recursive: true, force: true })
})

const send = (method: string, where: string, headers: Record<string, string> = {}, body?: string) =>
  fetch(new URL(where, service.url), {
    method,
    headers: { authorization: basic('ci'), ...headers },
    ...(body !== undefined && { body }),
  })
const push = (name: string, tag: string, content: string) =>
  pushImage(service.url, name, tag, { content, authorization: basic('ci') })
const code = async (answer: Response): Promise<string> => {
  const { errors }: Json = await answer.json()
  return errors[0].code
}

test('a chunk that does not begin where the upload stands is 416 and not appended', async () => {
  const { headers } = await send('POST', '/v2/dev/range/blobs/uploads/')
  const at = headers.get('location') ?? ''
  expect((await send('PATCH', at, { 'content-range': '0-3' }, 'abcd')).status).toBe(202)
  const wrong = await send('PATCH', at, { 'content-range': '9-12' }, 'xxxx')
  expect([wrong.status, wrong.headers.get('range')]).toEqual([416, '0-3'])
  expect((await send('PATCH', at, { 'content-range': '4-7' }, 'efgh')).status).toBe(202)
  const put = await send('PUT', `${at}?digest=${digestOf('abcdefgh')}`)
  expect([put.status, put.headers.get('docker-content-digest')]).toEqual([201, digestOf('abcdefgh')])
})

test('tags come in pages, each with the way to the next', async () => {
  for (const tag of ['1', '2', '3']) await push('dev/pages', tag, 'x')
  const seen: string[] = []
  let next: string | undefined = '/v2/dev/pages/tags/list?n=2'
  while (next !== undefined) {
    const answer: Response = await send('GET', next)
    const { tags }: Json = await answer.json()
    expect(tags.length).toBeLessThanOrEqual(2)
    seen.push(...tags)
    next = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1]
  }
  expect(seen).toEqual(['1', '2', '3'])
})

test('one POST is a whole blob', async () => {
  const where = `/v2/dev/whole/blobs/uploads/?digest=${digestOf('whole')}`
  const headers = { 'content-type': 'application/octet-stream' }
  expect((await send('POST', where, headers, 'whole')).status).toBe(201)
  expect(await (await send('GET', `/v2/dev/whole/blobs/${digestOf('whole')}`)).text()).toBe('whole')
})

test('what refers to an image is listed, whether or not the image is there', async () => {
  const image = await push('dev/subject', '1', 'x')
  const manifest: Json = await (await send('GET', '/v2/dev/subject/manifests/1')).json()
  const type = 'application/vnd.oci.image.manifest.v1+json'
  const subject = { mediaType: type, digest: image, size: 1 }
  const referrer = JSON.stringify({ ...manifest, artifactType: 'application/vnd.example.sbom', subject })
  const where = `/v2/dev/subject/manifests/${digestOf(referrer)}`
  const put = await send('PUT', where, { 'content-type': type }, referrer)
  expect([put.status, put.headers.get('oci-subject')]).toEqual([201, image])
  const listed: Json = await (await send('GET', `/v2/dev/subject/referrers/${image}`)).json()
  expect(listed.manifests).toMatchObject([
    { digest: digestOf(referrer), artifactType: 'application/vnd.example.sbom' },
  ])
  const nobody = `sha256:${'0'.repeat(64)}`
  const none: Json = await (await send('GET', `/v2/dev/subject/referrers/${nobody}`)).json()
  expect(none.manifests).toEqual([])
})

test.each([[undefined], ['application/json'], ['application/vnd.docker.distribution.manifest.v2+json']])(
  'an OCI manifest is served to who accepts %s',
  async (accept) => {
    const image = await push('dev/accept', '1', 'x')
    const answer = await send('GET', '/v2/dev/accept/manifests/1', accept === undefined ? {} : { accept })
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      200,
      'application/vnd.oci.image.manifest.v1+json',
    ])
    expect(digestOf(await answer.text())).toBe(image)
  },
)

test.each([
  ['upper case', 'dev/App'],
  ['a part that ends in a dash', 'dev/app-'],
  ['a component of 300 characters', `dev/${'a'.repeat(300)}`],
  ['five thousand characters', `dev/${'a/'.repeat(2500)}a`],
])('a name of %s is refused in the words of the specification', async (_, name) => {
  for (const [method, where] of [
    ['GET', `/v2/${name}/tags/list`],
    ['GET', `/v2/${name}/manifests/1`],
    ['POST', `/v2/${name}/blobs/uploads/`],
  ] as const) {
    const answer = await send(method, where)
    expect([answer.status, answer.headers.get('content-type'), await code(answer)]).toEqual([
      400,
      'application/json',
      'NAME_INVALID',
    ])
  }
})

/** The file in the data folder that holds exactly these bytes. */
function fileOf(bytes: string): string {
  const files = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const found = files
    .map((file) => path.join(folder, file))
    .filter((file) => fs.statSync(file).isFile() && fs.readFileSync(file, 'utf8') === bytes)
  expect(found).toHaveLength(1)
  return found[0] ?? ''
}

test.each([
  ['other bytes', (file: string, bytes: string) => fs.writeFileSync(file, bytes.toUpperCase()), 200],
  ['fewer bytes', (file: string, bytes: string) => fs.writeFileSync(file, bytes.slice(1)), 404],
  ['no bytes', (file: string) => fs.rmSync(file), 404],
])('a blob that has %s on the disk is healed by a push of it', async (what, harm, status) => {
  const bytes = `a layer that will have ${what}`
  await push('dev/healed', '1', bytes)
  harm(fileOf(bytes), bytes)
  const where = `/v2/dev/healed/blobs/${digestOf(bytes)}`
  // Bytes of the right number are found out by the scrubber, or by the next push.
  expect((await send('GET', where)).status).toBe(status)
  await push('dev/healed', '1', bytes)
  expect(await (await send('GET', where)).text()).toBe(bytes)
})
