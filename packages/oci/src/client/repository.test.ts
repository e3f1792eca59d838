import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { OCI_INDEX, OCI_MANIFEST } from '../descriptor.ts'
import { digestOf } from '../digest.ts'
import { openPair, type Pair } from '../testdata/client.ts'
import { storeImage } from '../testdata/image.ts'
import { coded, type FakeRegistry } from '../testdata/registry.ts'

let fake: Pair['fake']
let open: Pair['open']
let close: Pair['close']

beforeEach(async () => {
  ;({ fake, open, close } = await openPair())
})
afterEach(() => close())

describe('manifests', () => {
  test('are checked against the digest, whatever the headers say', async () => {
    const image = storeImage(fake, 'team/app', [])
    fake.manifests.set(`team/app ${image.digest}`, {
      type: OCI_MANIFEST,
      bytes: Buffer.from('{"schemaVersion":2}'),
    })
    await expect(open().repository('team/app').getManifest(image.digest)).rejects.toEqual(
      coded('wrong_digest'),
    )
  })

  test.each([true, false])(
    'of 4 MiB and a byte are refused before they are held; length given: %s',
    async (given) => {
      fake.intercept = (_, response) => {
        response.writeHead(200, given ? { 'content-length': 4 * 1024 * 1024 + 1 } : {})
        response.end(Buffer.alloc(4 * 1024 * 1024 + 1))
        return true
      }
      await expect(open().repository('team/app').getManifest('v1')).rejects.toEqual(coded('too_large'))
    },
  )

  test('a HEAD without a digest is asked again as GET', async () => {
    const image = storeImage(fake, 'team/app', [], {}, 'v1')
    fake.intercept = (request, response) => {
      if (request.method === 'HEAD') response.writeHead(200).end()
      return request.method === 'HEAD'
    }
    expect(await open().repository('team/app').resolve('v1')).toMatchObject({ digest: image.digest })
    expect(
      await open()
        .repository('team/app')
        .resolve('v2')
        .catch((e: unknown) => e),
    ).toBeNull()
  })

  test('are deleted once', async () => {
    const { digest } = storeImage(fake, 'team/app', [])
    const repository = open().repository('team/app')
    expect(await repository.deleteManifest(digest)).toBe(true)
    expect(await repository.deleteManifest(digest)).toBe(false)
  })
})

describe('tags', () => {
  const page =
    (link: string): FakeRegistry['intercept'] =>
    (request, response) => {
      const second = request.url?.includes('last=') === true
      response.writeHead(200, second ? {} : { link })
      response.end(JSON.stringify({ name: 'team/app', tags: second ? ['c'] : ['a', 'b'] }))
      return true
    }
  const all = async () => {
    const tags: string[] = []
    for await (const some of open().repository('team/app').listTags()) tags.push(...some)
    return tags
  }

  test('page by page', async () => {
    fake.intercept = page('</v2/team/app/tags/list?n=2&last=b>; rel="next"')
    expect(await all()).toEqual(['a', 'b', 'c'])
  })

  test.each(['http://evil.example/v2/x', '//evil.example/v2/x', '/metadata', '/v2/../admin'])(
    'no page at %s',
    async (target) => {
      fake.intercept = page(`<${target}>; rel="next"`)
      await expect(all()).rejects.toEqual(coded('bad_response'))
    },
  )

  test('that are no tags', async () => {
    fake.intercept = (_, response) => {
      response.end(JSON.stringify({ tags: ['ok', 'a\u001b[2J'] }))
      return true
    }
    await expect(all()).rejects.toEqual(coded('bad_response'))
  })
})

test('the fallback index is read where there is no API', async () => {
  fake.referrersApi = false
  const digest = `sha256:${'a'.repeat(64)}`
  const repository = open().repository('team/app')
  expect(await repository.referrers(digest)).toEqual([])
  const one = { mediaType: OCI_MANIFEST, digest: `sha256:${'b'.repeat(64)}`, size: 3 }
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [one] }))
  fake.manifests.set(`team/app sha256-${'a'.repeat(64)}`, { type: OCI_INDEX, bytes })
  expect(await repository.referrers(digest)).toEqual([one])
})

test.each([
  [
    'an index',
    OCI_INDEX,
    { manifests: [{ mediaType: OCI_MANIFEST, digest: `sha256:${'b'.repeat(64)}`, size: 3 }] },
  ],
  [
    'an image',
    OCI_MANIFEST,
    { config: { mediaType: 'application/json', digest: `sha256:${'b'.repeat(64)}`, size: 3 }, layers: [] },
  ],
])(
  'a registry that takes the fallback tag for the digest of %s says nothing by that',
  async (_, type, fields) => {
    fake.referrersApi = false
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, ...fields }))
    const digest = digestOf(bytes)
    fake.manifests.set(`team/app ${digest.replace(':', '-')}`, { type, bytes })
    expect(await open().repository('team/app').referrers(digest)).toEqual([])
  },
)
