import { randomBytes } from 'node:crypto'
import { type FlakyProxy, startFlakyProxy } from '@sluice/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { basic, digestOf, PASSWORD, pushImage, startTestService, type TestService } from '../test-service.ts'

// The upstream is another Sluice, with accounts of its own: challenges and tokens are real.
let far: TestService
let near: TestService
let way: FlakyProxy
beforeAll(async () => {
  far = await startTestService()
  near = await startTestService()
  await far.person('puller', { dev: ['pull'] })
  way = await startFlakyProxy(far.url)
}, 120_000)
afterAll(async () => {
  await way.close()
  await near[Symbol.asyncDispose]()
  await far[Symbol.asyncDispose]()
})

const fresh = (word: string) => `${word}-${randomBytes(4).toString('hex')}`

async function proxy(over: object = {}, feed: object = {}) {
  const remote = {
    url: way.url,
    prefix: 'dev/library',
    credentials: { type: 'basic', username: 'puller', password: PASSWORD },
    realmAllowList: [far.url],
    plainHttp: 'loopback',
    ...over,
  }
  const body = { name: fresh('hub'), kind: 'proxy', stage: 'hub', remote, ...feed }
  const made = await near.call('createFeed', near.admin, { body })
  expect(made.status).toBe(201)
  return made.body
}

const pushThere = (repository: string, tag: string, content = randomBytes(8).toString('hex')) =>
  pushImage(far.url, `dev/library/${repository}`, tag, { content, authorization: basic('admin') })

const pull = (path: string, authorization: string | null = basic('admin'), method = 'GET') =>
  near.ask(method, `/v2/${path}`, authorization === null ? {} : { headers: { authorization } })

describe('a proxy feed', () => {
  test('is made, shown with what it keeps, changed, and tried as a remote one', async () => {
    const feed = await proxy({}, { cache: { keepDays: 14 } })
    expect(feed).toMatchObject({
      kind: 'proxy',
      trusted: false,
      used: 0,
      cache: { keepDays: 14, reachedAt: null },
    })
    const params = { feed: feed.name }
    const changed = await near.call('updateFeed', near.admin, { params, body: { cache: { keepDays: 3 } } })
    expect(changed.body.cache.keepDays).toBe(3)
    await pushThere('shown', '1')
    const tried = await near.call('testConnection', near.admin, { params, body: { repository: 'shown' } })
    expect(tried.body).toMatchObject({ ok: true })
    for (const body of [{ kind: 'remote' }, { kind: 'hosted' }]) {
      expect((await near.call('updateFeed', near.admin, { params, body })).body.code).toBe('feed_fixed')
    }
    const refused = await near.call('updateFeed', near.admin, { params, body: { trusted: true } })
    expect([refused.status, refused.body.errors[0].field]).toEqual([400, 'trusted'])
    expect((await near.call('getNotificationKey', near.admin, { params })).status).toBe(400)
  })

  test('serves what its upstream has to who may pull from it, with the credentials of the feed', async () => {
    const { name } = await proxy()
    const digest = await pushThere('app', '1.0.0', 'the layer')
    const reader = fresh('reader')
    await near.person(reader, { [name]: ['pull'] })
    await near.person('stranger', {})
    const got = await pull(`${name}/app/manifests/1.0.0`, basic(reader))
    expect([got.status, got.headers.get('docker-content-digest')]).toEqual([200, digest])
    expect((await pull(`${name}/app/blobs/${digestOf('the layer')}`, basic(reader))).body).toBe('the layer')
    expect((await pull(`${name}/app/tags/list`, basic(reader))).body).toEqual({
      name: `${name}/app`,
      tags: ['1.0.0'],
    })
    for (const [who, status] of [
      [basic('stranger'), 403],
      [null, 401],
    ] as const) {
      for (const path of ['manifests/1.0.0', `manifests/${digest}`, 'tags/list', `referrers/${digest}`]) {
        expect((await pull(`${name}/app/${path}`, who)).status).toBe(status)
      }
    }
    const shown = await near.call('getFeed', near.admin, { params: { feed: name } })
    expect(shown.body.used).toBe('the layer'.length)
    await expect
      .poll(async () => (await near.call('getFeed', near.admin, { params: { feed: name } })).body.cache)
      .toMatchObject({ reachedAt: expect.any(String), failingSince: null })
    const tags = await near.call('listTags', near.admin, {
      params: { feed: name },
      query: { repository: 'app' },
    })
    expect(tags.body.items).toMatchObject([{ tag: '1.0.0', digest, pushedBy: null }])
    expect(tags.body.items[0].pullCommand).toBe(`docker pull ${new URL(near.url).host}/${name}/app:1.0.0`)
    const moves = await near.call('listTagMoves', near.admin, { query: { feed: name } })
    expect(moves.body.items).toMatchObject([{ to: digest, by: `upstream:${new URL(way.url).host}` }])
  })

  test('is pulled by anybody where the feed allows it', async () => {
    const { name } = await proxy()
    await pushThere('open', '1')
    const params = { feed: name }
    const { body } = await near.call('getGrants', near.admin, { params })
    const items = [...body.items, { principal: '*', verbs: ['pull'] }]
    await near.call('putGrants', near.admin, { params, body: items })
    expect((await pull(`${name}/open/manifests/1`, null)).status).toBe(200)
  })

  test('takes no push, and says where to push', async () => {
    const { name } = await proxy()
    const post = await pull(`${name}/app/blobs/uploads/`, basic('admin'), 'POST')
    expect([post.status, post.body.errors[0].code]).toEqual([405, 'UNSUPPORTED'])
    expect(post.body.errors[0].message).toContain(`${new URL(way.url).host}/dev/library/app`)
  })

  test('serves what it keeps while its upstream is away, and says so here and in the feed', async () => {
    const { name } = await proxy()
    const digest = await pushThere('kept', '1', 'kept layer')
    await pull(`${name}/kept/manifests/1`)
    await pull(`${name}/kept/blobs/${digestOf('kept layer')}`)
    way.add({ path: /./, fault: { kind: 'status', status: 503 } })
    const got = await pull(`${name}/kept/manifests/1`)
    expect([got.status, got.headers.get('docker-content-digest')]).toEqual([200, digest])
    expect(got.headers.get('warning')).toMatch(/^299 - "upstream .* served from cache: /)
    expect((await pull(`${name}/kept/blobs/${digestOf('kept layer')}`)).body).toBe('kept layer')
    const never = await pull(`${name}/never/manifests/1`)
    expect([never.status, never.body.errors[0].code]).toEqual([503, 'UNAVAILABLE'])
    await expect
      .poll(async () => (await near.call('getFeed', near.admin, { params: { feed: name } })).body.cache)
      .toMatchObject({ failingSince: expect.any(String), failure: expect.stringContaining('503') })
    way.heal()
    expect((await pull(`${name}/kept/manifests/1`)).headers.get('warning')).toBe(null)
  })

  test('whose credentials are refused serves no tag, and what a digest names', async () => {
    const feed = await proxy()
    const digest = await pushThere('shut', '1')
    await pull(`${feed.name}/shut/manifests/1`)
    await near.call('updateFeed', near.admin, {
      params: { feed: feed.name },
      body: { remote: { credentials: { type: 'basic', username: 'puller', password: 'no longer' } } },
    })
    const answer = await pull(`${feed.name}/shut/manifests/1`)
    expect([answer.status, answer.body.errors[0].code]).toEqual([403, 'DENIED'])
    expect(JSON.stringify(answer.body)).not.toContain('no longer')
    expect((await pull(`${feed.name}/shut/manifests/${digest}`)).status).toBe(200)
  })

  test('looks nowhere inside the network, wherever its settings and its upstream send it', async () => {
    const shut = { url: 'https://localhost:1', plainHttp: [], realmAllowList: [], credentials: null }
    const answer = await pull(`${(await proxy(shut)).name}/app/manifests/1`)
    expect([answer.status, answer.body.errors[0].detail.reason]).toEqual([502, 'address_refused'])
    const { name } = await proxy()
    for (const location of ['http://169.254.169.254/latest', 'http://10.0.0.1/', 'file:///etc/passwd']) {
      way.add({ path: /manifests|blobs/, fault: { kind: 'status', status: 307, headers: { location } } })
      for (const path of ['manifests/1', `manifests/${digestOf('x')}`, `blobs/${digestOf('x')}`]) {
        const { status, body } = await pull(`${name}/app/${path}`)
        expect(status).toBe(502)
        expect(['address_refused', 'plain_http_refused', 'bad_response']).toContain(
          body.errors[0].detail.reason,
        )
      }
      way.heal()
    }
  })
})
