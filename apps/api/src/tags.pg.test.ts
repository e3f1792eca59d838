import { type IncomingMessage, request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { basic, digestOf, type Json, pushImage, startTestService, type TestService } from './test-service.ts'

let service: TestService
let ci: string
let approver: string

beforeAll(async () => {
  service = await startTestService()
  const { call, admin } = service
  const tagRules = { versions: true, permitted: ['edge'], immutable: ['release'] }
  await call('createFeed', admin, { body: { name: 'test', stage: 'test', tagRules } })
  ci = await service.person('ci', {
    dev: ['pull', 'push', 'delete'],
    test: ['pull', 'push', 'delete'],
    trusted: ['pull', 'push', 'request'],
  })
  approver = await service.person('approver', { trusted: ['approve'] })
}, 60_000)
afterAll(() => service[Symbol.asyncDispose]())

const push = (name: string, tag: string, content: string) =>
  pushImage(service.url, name, tag, { content, authorization: basic('ci') })

/** Puts the manifest that is there under another tag. */
async function retag(name: string, digest: string, tag: string, headers: Record<string, string> = {}) {
  const authorization = basic('ci')
  const found = await fetch(`${service.url}/v2/${name}/manifests/${digest}`, { headers: { authorization } })
  const response = await fetch(`${service.url}/v2/${name}/manifests/${tag}`, {
    method: 'PUT',
    headers: { authorization, 'content-type': found.headers.get('content-type') ?? '', ...headers },
    body: await found.arrayBuffer(),
  })
  const text = await response.text()
  const error: Json = text === '' ? undefined : JSON.parse(text).errors[0]
  return { status: response.status, error }
}

const remove = async (name: string, reference: string) =>
  (
    await fetch(`${service.url}/v2/${name}/manifests/${reference}`, {
      method: 'DELETE',
      headers: { authorization: basic('ci') },
    })
  ).status

test('moves of all tags are listed where one may pull, and are no way to look into other feeds', async () => {
  const digest = await push('dev/moves/app', '1.0.0', 'moves')
  const list = async (token: string, query: Record<string, string>) => {
    const { status, body } = await service.call('listTagMoves', token, { query })
    return [status, (body.items ?? body.errors).map((item: Json) => item.tag ?? item.field)]
  }
  for (const query of [{ digest }, { repository: 'moves/app' }, { feed: 'dev', tag: '1.0.0', digest }]) {
    expect(await list(ci, query)).toEqual([200, ['1.0.0']])
    // `approve` on the feed that a lane leads to shows no tag of the feed that it comes from.
    expect(await list(approver, query)).toEqual([200, []])
  }
  const { body } = await service.call('listTagMoves', ci, { query: { digest } })
  expect(body.items[0]).toMatchObject({
    feed: 'dev',
    repository: 'moves/app',
    from: null,
    to: digest,
    by: 'ci',
  })
  for (const [field, value] of [
    ['actor', 'no one'],
    ['since', 'yesterday'],
    ['after', 'x'],
    ['digest', 'sha256:1'],
    ['other', 'x'],
  ] as const) {
    expect(await list(ci, { [field]: value })).toEqual([400, expect.arrayContaining([field])])
  }
})

test('weeks are told to whoever is signed in, of what may be seen, and a zone that is none is named', async () => {
  const { body } = await service.call('getWeeks', ci, { query: { zone: 'Europe/Berlin', weeks: '4' } })
  expect(body.weeks).toHaveLength(4)
  for (const query of [{ zone: 'Mars/North' }, { weeks: '54' }] as Record<string, string>[]) {
    const answer = await service.call('getWeeks', ci, { query })
    expect([answer.status, answer.body.errors[0].field]).toEqual([400, Object.keys(query)[0]])
  }
})

describe('tag rules', () => {
  test('dev is seeded without, trusted with versions and immutable releases', async () => {
    const rules = async (feed: string) =>
      (await service.call('getFeed', service.admin, { params: { feed } })).body.tagRules
    expect(await rules('dev')).toEqual({})
    expect(await rules('trusted')).toEqual({ versions: true, immutable: ['release'] })
  })

  test.each([
    [{ permitted: ['edge'] }, 'tagRules.permitted', 'custom'],
    [{ versions: true, permitted: ['1.4'] }, 'tagRules.permitted[0]', 'custom'],
  ])('%j are refused, naming the field', async (tagRules, field, rule) => {
    const body = { name: 'wrong', stage: 'x', tagRules }
    expect(await service.call('createFeed', service.admin, { body })).toMatchObject({
      status: 400,
      body: {
        code: 'invalid',
        errors: [{ field, rule }],
      },
    })
  })

  test('a push that they refuse is told which rule, and what may be pushed', async () => {
    const digest = await push('test/rules', '1.0.0', 'one')
    const other = await push('test/rules', '1.1.0', 'two')
    for (const [tag, rule] of [
      ['latest', 'versions: virtual'],
      ['main', 'versions: permitted'],
    ] as const) {
      const { status, error } = await retag('test/rules', digest, tag)
      expect([status, error.code, error.detail[0].rule]).toEqual([409, 'DENIED', rule])
      expect(error.message).toContain('edge')
    }
    const held = await retag('test/rules', other, '1.0.0')
    expect([held.status, held.error.detail[0].rule]).toEqual([409, 'immutable: release'])
    expect(held.error.message).toContain(digest)
    expect(held.error.message).toContain(other)
    expect((await retag('test/rules', digest, '1.0.0')).status).toBe(201)
    expect(await remove('test/rules', '1.0.0')).toBe(403)
    expect(await remove('test/rules', digest)).toBe(403)
    expect(await remove('test/rules', 'latest')).toBe(403)
    expect((await retag('test/rules', digest, `sha256-${'b'.repeat(64)}.sig`)).status).toBe(201)
    expect((await retag('test/rules', other, `sha256-${'b'.repeat(64)}.sig`)).status).toBe(201)
  })

  test('a request for a tag that the target does not take is refused when it is made', async () => {
    await push('dev/asked', 'main', 'asked')
    const ask = (body: object) =>
      service.call('createRequest', ci, { body: { lane: 'dev-to-trusted', ...body } })
    for (const targetTags of [undefined, ['latest'], ['1.0']]) {
      const answer = await ask({ image: 'asked:main', ...(targetTags && { targetTags }) })
      expect(answer).toMatchObject({ status: 422, body: { code: 'tag_not_permitted' } })
    }
    expect((await ask({ image: 'asked:main', targetTags: ['1.0.0'] })).status).toBe(201)
  })
})

test('virtual tags are pulled by, listed and marked; a digest is shown with them', async () => {
  const two = await push('test/virtual', '2.0.0', 'virtual two')
  await push('test/virtual', '1.0.0', 'virtual one')
  const head = await fetch(`${service.url}/v2/test/virtual/manifests/latest`, {
    method: 'HEAD',
    headers: { authorization: basic('ci') },
  })
  expect([head.status, head.headers.get('docker-content-digest')]).toEqual([200, two])
  const list = async (query: object = {}) =>
    (
      await service.call('listTags', ci, {
        params: { feed: 'test' },
        query: { repository: 'virtual', ...query },
      })
    ).body
  const { items } = await list()
  expect(
    items.filter(({ virtual }: Json) => virtual).map(({ tag, release }: Json) => [tag, release]),
  ).toEqual([
    ['1', '1.0.0'],
    ['1.0', '1.0.0'],
    ['2', '2.0.0'],
    ['2.0', '2.0.0'],
    ['latest', '2.0.0'],
  ])
  expect((await list({ range: '~1' })).items.map(({ tag }: Json) => tag)).toEqual(['1.0.0'])
  const wrong = await service.call('listTags', ci, {
    params: { feed: 'test' },
    query: { repository: 'virtual', range: 'one' },
  })
  expect(wrong).toMatchObject({ status: 400, body: { errors: [{ field: 'range' }] } })
  const { places } = (await service.call('getDigest', ci, { params: { digest: two } })).body
  expect(places).toMatchObject([{ tags: ['2.0.0'], virtualTags: ['2', '2.0', 'latest'] }])
})

describe('history and restore', () => {
  const restore = (feed: string, body: object, token = ci) =>
    service.call('restoreTag', token, { params: { feed }, body })
  const moves = async (repository: string, tag: string) =>
    (await service.call('listTagHistory', ci, { params: { feed: 'dev' }, query: { repository, tag } })).body
      .items

  test('a tag goes back to what it was, as a new move by whoever did it', async () => {
    const one = await push('dev/back', 'main', 'one')
    const two = await push('dev/back', 'main', 'two')
    const tag = { repository: 'back', tag: 'main' }
    expect((await restore('dev', { ...tag, digest: one })).body).toEqual({ tag: 'main', from: two, to: one })
    const [first, second, third] = await moves('back', 'main')
    expect([first, second, third]).toMatchObject([
      { from: two, to: one, by: 'ci', promotion: null, request: null, approvers: [] },
      { from: one, to: two },
      { from: null, to: one },
    ])
    const then = { ...tag, at: second.at }
    const at = await service.call('listTagHistory', ci, { params: { feed: 'dev' }, query: then })
    expect((await restore('dev', then)).body).toEqual({ tag: 'main', from: one, to: at.body.digest })
    // Also after it was removed.
    expect(await remove('dev/back', 'main')).toBe(202)
    expect((await restore('dev', { ...tag, digest: one })).body).toEqual({ tag: 'main', from: null, to: one })
    // There already: no move.
    const before = await moves('back', 'main')
    expect((await restore('dev', { ...tag, digest: one })).body).toMatchObject({ from: one, to: one })
    expect(await moves('back', 'main')).toEqual(before)
    const { body } = await service.call('listAudit', service.admin, { query: { type: 'tag.restored' } })
    expect(body.items[0].subjects).toContain(`digest:${one}`)
  })

  test.each<[string, string, (digest: string) => object, number, string]>([
    ['nowhere to go', 'dev', () => ({}), 400, 'invalid'],
    ['two ways to go', 'dev', (digest) => ({ digest, at: '2026-01-01T00:00:00Z' }), 400, 'invalid'],
    ['where it never was', 'dev', () => ({ digest: digestOf('x') }), 404, 'digest_unknown'],
    ['before it was there', 'dev', () => ({ at: '2020-01-01T00:00:00Z' }), 404, 'digest_unknown'],
    ['a repository that is not there', 'dev', (digest) => ({ repository: 'none', digest }), 404, 'not_found'],
    ['a feed that is not there', 'none', (digest) => ({ digest }), 404, 'not_found'],
    ['a trusted feed, by whom ever', 'trusted', (digest) => ({ digest }), 403, 'trusted_feed'],
  ])('restore refused: %s', async (_, feed, where, status, code) => {
    const digest = await push('dev/refused', 'main', 'refused')
    const body = { repository: 'refused', tag: 'main', ...where(digest) }
    expect(await restore(feed, body)).toMatchObject({ status, body: { code } })
    expect(await moves('refused', 'main')).toHaveLength(1)
  })

  test('restore refused: without push, of an immutable tag, of what is gone', async () => {
    const digest = await push('dev/held', '1.0.0', 'held')
    const later = await push('dev/held', '1.0.0', 'later')
    const body = { repository: 'held', tag: '1.0.0', digest }
    const reader = await service.person('reader', { dev: ['pull'] })
    expect(await restore('dev', body, reader)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    const rules = (tagRules: object) =>
      service.call('updateFeed', service.admin, { params: { feed: 'dev' }, body: { tagRules } })
    await rules({ immutable: ['release'] })
    expect(await restore('dev', body)).toMatchObject({
      status: 409,
      body: { code: 'tag_exists', context: { current: later, asked: digest } },
    })
    await rules({})
    expect(await remove('dev/held', digest)).toBe(202)
    expect(await restore('dev', body)).toMatchObject({ status: 404, body: { code: 'digest_unknown' } })
  })
})

test('a digest is shown with every tag of it, in the feeds that the caller may pull from', async () => {
  const digest = await push('dev/seen', '1', 'seen')
  await push('dev/seen', 'main', 'seen')
  await push('dev/again', 'x', 'seen')
  await push('test/seen', '1.0.0', 'seen')
  const seen = async (token: string) => service.call('getDigest', token, { params: { digest } })
  const places = [
    { feed: 'dev', repository: 'again', tags: ['x'] },
    { feed: 'dev', repository: 'seen', tags: ['1', 'main'] },
    { feed: 'test', repository: 'seen', tags: ['1.0.0'] },
  ]
  expect((await seen(ci)).body.places).toMatchObject(places)
  const half = await service.person('half', { test: ['pull'] })
  expect((await seen(half)).body.places).toMatchObject(places.slice(2))
  expect((await seen(approver)).status).toBe(404)
})

describe('the address by which this is reached', () => {
  /** A call with this Host header; fetch sets its own. */
  async function at(host: string, method: string, path: string, body?: object): Promise<Json> {
    const { port } = new URL(service.url)
    const headers = {
      host,
      authorization: path.startsWith('/v2') ? '' : `Bearer ${ci}`,
      ...(body && { 'content-type': 'application/json' }),
    }
    const res = await new Promise<IncomingMessage>((resolve, reject) => {
      const req = request({ host: '127.0.0.1', port, method, path, headers }, resolve)
      req.on('error', reject)
      req.end(body && JSON.stringify(body))
    })
    const chunks: Buffer[] = []
    for await (const chunk of res) chunks.push(chunk)
    return {
      status: res.statusCode,
      headers: res.headers,
      body: JSON.parse(Buffer.concat(chunks).toString()),
    }
  }
  const hosts = ['registry.example.com', 'localhost:9999'] as const

  test('changes commands and challenges, and nothing else', async () => {
    const digest = await push('dev/host', '1.0.0', 'host')
    const tags = '/api/v1/feeds/dev/tags?repository=host'
    const [one, two] = [await at(hosts[0], 'GET', tags), await at(hosts[1], 'GET', tags)]
    for (const [i, answer] of [one, two].entries()) {
      expect(answer.body.items[0]).toMatchObject({
        digest,
        pullCommand: `docker pull ${hosts[i]}/dev/host:1.0.0`,
      })
      const { pullCommand: _, ...rest } = answer.body.items[0]
      expect(one.body.items[0]).toMatchObject(rest)
      const challenge = (await at(hosts[i] ?? '', 'GET', '/v2/')).headers['www-authenticate']
      expect(challenge).toContain(`realm="http://${hosts[i]}/token",service="test.example"`)
    }
  })

  test('is no part of a reference: one image, one request, by whatever server it is named', async () => {
    await push('dev/team/host', '1.0.0', 'team host')
    const ask = (host: string, image: string) =>
      at(host, 'POST', '/api/v1/requests', { lane: 'dev-to-trusted', image })
    const first = await ask(hosts[0], `${hosts[0]}/dev/team/host:1.0.0`)
    expect(first.status).toBe(201)
    for (const image of ['team/host:1.0.0', ...hosts.map((host) => `${host}/dev/team/host:1.0.0`)]) {
      for (const host of hosts) {
        const again = await ask(host, image)
        expect([again.status, again.body]).toEqual([200, first.body])
      }
    }
    expect(first.body).toMatchObject({
      pullCommand: null,
      items: [{ pullCommand: null, tagPullCommand: null }],
    })
    expect(JSON.stringify(first.body)).not.toContain('example.com')
  })
})
