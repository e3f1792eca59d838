import { OCI_INDEX } from '@sluice/oci'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  CONFIG,
  LAYER,
  linkTo,
  type TestManifest,
  testImage,
  testIndex,
  testReferrer,
} from './test-images.ts'
import { pushBlob, pushImage, putManifest } from './test-push.ts'
import { type Answer, startTestServer, type TestServer } from './test-server.ts'

const TAGS = ['1.10', '1.9', 'B', '_x', 'a-1', 'a.1', 'b']
const SUBJECT = testImage()

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ limits: { page: 5, referrers: 2 } })
  for (const blob of [CONFIG, LAYER]) await pushBlob(server, 'dev/app', blob)
  for (const tag of TAGS) await putManifest(server, 'dev/app', SUBJECT, tag)
})
afterAll(() => server[Symbol.asyncDispose]())

/** Follows `Link` to the end and answers what each page held. */
async function pages<T>(path: string, read: (answer: Answer) => T, on = server): Promise<T[]> {
  const all: T[] = []
  for (let next: string | undefined = path; next !== undefined; ) {
    const answer = await on.ask('GET', next)
    expect(answer.status).toBe(200)
    all.push(read(answer))
    next = /^<([^>]+)>; rel="next"$/.exec(String(answer.headers.link ?? ''))?.[1]
  }
  return all
}

describe('tags', () => {
  const tagsOf = (answer: Answer) => answer.document.tags

  it('come in ASCII order, in JSON without a charset', async () => {
    const { headers, document } = await server.ask('GET', '/v2/dev/app/tags/list?n=3')
    expect(headers['content-type']).toBe('application/json')
    expect(document).toEqual({ name: 'dev/app', tags: TAGS.slice(0, 3) })
    expect(headers.link).toBe('</v2/dev/app/tags/list?n=3&last=B>; rel="next"')
  })
  it('are named as they were asked for', async () => {
    const { document } = await server.ask('GET', '/v2/development/app/tags/list?n=1')
    expect(document).toEqual({ name: 'development/app', tags: ['1.10'] })
  })
  it.each([
    ['', [TAGS.slice(0, 5), TAGS.slice(5)]],
    ['?n=2', [TAGS.slice(0, 2), TAGS.slice(2, 4), TAGS.slice(4, 6), TAGS.slice(6)]],
    ['?n=1000000000', [TAGS.slice(0, 5), TAGS.slice(5)]],
    ['?n=0', [[]]],
    ['?last=a-1', [['a.1', 'b']]],
    ['?n=2&last=_x', [['a-1', 'a.1'], ['b']]],
    ['?last=zzz', [[]]],
  ])('%s pages to the end', async (query, expected) => {
    expect(await pages(`/v2/dev/app/tags/list${query}`, tagsOf)).toEqual(expected)
  })
  it.each([['n=-1'], ['n=NaN'], ['n=1e9'], ['n=1.5'], [`n=${'9'.repeat(99)}`], ['last=a%00'], ['last=%0a']])(
    '%.20s is 400',
    async (query) => {
      const { status, code } = await server.ask('GET', `/v2/dev/app/tags/list?${query}`)
      expect([status, code]).toEqual([400, 'UNSUPPORTED'])
    },
  )
  it('of no repository are 404', async () => {
    const { status, code } = await server.ask('GET', '/v2/dev/never/tags/list')
    expect([status, code]).toEqual([404, 'NAME_UNKNOWN'])
  })
})

describe('repositories', () => {
  const namesOf = (answer: Answer) => answer.document.repositories

  it('are those of the feeds the caller may pull from, by pages', async () => {
    await using local = await startTestServer()
    for (const name of ['dev/b', 'dev/a/x', 'dev/a']) await pushBlob(local, name, LAYER)
    await pushBlob(local, 'private/p', LAYER, 'bob')
    const expected = [['dev/a', 'dev/a/x'], ['dev/b']]
    expect(await pages('/v2/_catalog?n=2', namesOf, local)).toEqual(expected)
    const all = await local.ask('GET', '/v2/_catalog', { as: 'bob' })
    expect(namesOf(all)).toEqual(['dev/a', 'dev/a/x', 'dev/b', 'private/p'])
  })
  it('are not for callers without a name', async () => {
    const { status, headers } = await server.ask('GET', '/v2/_catalog', { as: null })
    expect(status).toBe(401)
    expect(headers['www-authenticate']).toContain('scope="registry:catalog:*"')
  })
})

describe('referrers', () => {
  const digestsOf = (answer: Answer) => (answer.document.manifests ?? []).map(({ digest }) => digest)
  const sorted = (manifests: TestManifest[]) => manifests.map(({ digest }) => digest).sort()
  const path = `/v2/dev/refs/referrers/${SUBJECT.digest}`
  const known = ['scan', 'scan', 'sbom'].map((type, n) =>
    testReferrer(SUBJECT, `application/${type}`, `${n}`),
  )
  // Pushed to a registry without the referrers API: the tag alone says what they refer to.
  const old = [0, 1, 2].map((n) => testImage({ annotations: { old: `${n}` } }))

  beforeAll(async () => {
    await pushImage(server, 'dev/refs', SUBJECT)
    for (const referrer of [...known, ...old]) await putManifest(server, 'dev/refs', referrer)
    const links = [...old, ...known.slice(0, 1)].map((manifest) => ({
      ...linkTo(manifest),
      artifactType: 'application/scan',
    }))
    const fallback = testIndex([], { manifests: links })
    await putManifest(server, 'dev/refs', fallback, SUBJECT.digest.replace(':', '-'))
  })

  it('of what nobody pushed, where nobody pushed, are an empty index', async () => {
    const { status, headers, bytes } = await server.ask('GET', `/v2/dev/never/referrers/${SUBJECT.digest}`)
    expect([status, headers['content-type']]).toEqual([200, OCI_INDEX])
    expect(headers['content-length']).toBe(String(bytes.length))
    expect(JSON.parse(bytes.toString())).toEqual({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] })
  })
  it('hold those of the fallback tag, each once, by pages', async () => {
    const all = await pages(path, digestsOf)
    expect(all.flat()).toEqual(sorted([...known, ...old]))
    expect(all.map((page) => page.length)).toEqual([2, 2, 2])
  })
  it('are filtered by type, also across pages', async () => {
    const answers = await pages(`${path}?artifactType=application/scan`, (answer) => answer)
    expect(answers.flatMap(digestsOf)).toEqual(sorted([...known.slice(0, 2), ...old]))
    for (const { headers } of answers) expect(headers['oci-filters-applied']).toBe('artifactType')
    const none = await server.ask('GET', `${path}?artifactType=application/none`)
    expect([digestsOf(none), none.headers['oci-filters-applied']]).toEqual([[], 'artifactType'])
  })
  it('fit the size of a manifest', async () => {
    await using local = await startTestServer({ limits: { manifestBytes: 2500 } })
    await pushImage(local, 'dev/refs', SUBJECT)
    const many = [0, 1, 2].map((n) => testReferrer(SUBJECT, 'application/x', `${n}${'.'.repeat(1000)}`))
    for (const referrer of many) await putManifest(local, 'dev/refs', referrer)
    const all = await pages(path, digestsOf, local)
    expect(all.flat()).toEqual(sorted(many))
    expect(all.length).toBeGreaterThan(1)
  })
  it('survive a fallback tag that holds no index', async () => {
    await pushImage(server, 'dev/odd', SUBJECT, SUBJECT.digest.replace(':', '-'))
    const { status, document } = await server.ask('GET', `/v2/dev/odd/referrers/${SUBJECT.digest}`)
    expect([status, document]).toEqual([200, { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] }])
  })
  it.each([
    [`artifactType=a%0d%0aSet-Cookie%3a1`, 'UNSUPPORTED'],
    [`artifactType=a/${'b'.repeat(300)}`, 'UNSUPPORTED'],
    ['last=not-a-digest', 'DIGEST_INVALID'],
  ])('%.30s is 400', async (query, expected) => {
    const { status, code } = await server.ask('GET', `${path}?${query}`)
    expect([status, code]).toEqual([400, expected])
  })
})
