import { randomBytes } from 'node:crypto'
import { parsePolicy } from '@sluice/promotion'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openStore } from '../index.ts'
import { fresh } from '../promotion/test-elsewhere.ts'
import { addLane } from '../promotion/test-scene.ts'
import { basic, openRemotes, PASSWORD, refused, type Remotes } from './test-remote.ts'

let beside: Remotes
let house: Remotes['house']
let store: Remotes['store']
let scene: Remotes['scene']
let registry: Remotes['registry']
let make: Remotes['make']

beforeAll(async () => {
  beside = await openRemotes()
  ;({ house, store, scene, registry, make } = beside)
})
afterAll(() => beside.close())

describe('settings', () => {
  test('are answered without the secrets, which are sealed where they stand and opened for who speaks to it', async () => {
    const feed = await make({ credentials: basic, bandwidth: 1_000_000, privateHosts: ['registry.lan'] })
    const { id, name } = feed
    expect(feed).toMatchObject({ kind: 'remote', quota: null, used: 0 })
    expect(feed.remote).toEqual({
      url: registry.url,
      prefix: 'team',
      credentials: { type: 'basic', username: 'puller', set: true },
      realmAllowList: [],
      ca: null,
      clientCertificate: null,
      proxy: null,
      plainHttp: 'loopback',
      privateHosts: ['registry.lan'],
      bandwidth: 1_000_000,
      repositories: [],
    })
    expect(await store.remotes.get(id)).toMatchObject({
      feedId: id,
      feed: name,
      prefix: 'team',
      bandwidth: 1_000_000,
      options: { baseUrl: registry.url, plainHttp: 'loopback', credentials: basic },
    })
    const [row] = await scene.sql<{ text: string; sealed: Buffer }>(
      `select x::text as text, sealed_credential as sealed from feed_remote x where feed_id = $1`,
      [id],
    )
    expect(row?.text).not.toContain(PASSWORD)
    expect(row?.sealed.includes(PASSWORD)).toBe(false)
    const payloads = await scene.sql<{ payload: Buffer }>(
      `select p.payload from audit_payload p join audit_entry e on e.id = p.entry_id where e.subjects @> array[$1]`,
      [`feed:${id}`],
    )
    const told = payloads.map(({ payload }) => payload.toString())
    expect(told.join()).toContain('"credentials":"set"')
    expect(told.join()).not.toContain(PASSWORD)
  })

  test('name repositories that are listed beside those that were seen, each once', async () => {
    const { id, name } = await make({ repositories: ['zoo', 'app', 'zoo'] })
    const names = async (page: object = {}) =>
      (await store.feeds.repositories(id, { limit: 10, ...page })).items
    expect(await names()).toEqual([
      { name: 'app', createdAt: null },
      { name: 'zoo', createdAt: null },
    ])
    const lane = fresh('lane')
    await addLane(house.api, lane, id, scene.trusted.id, scene.rita, parsePolicy({}))
    for (const repository of ['app', 'middle']) {
      registry.image(`team/${repository}`, ['1.0.0'])
      await store.requests.create(scene.rita, { lane, items: [{ image: `${repository}:1.0.0` }] })
    }
    expect(await names()).toEqual([
      { name: 'app', createdAt: expect.any(Date) },
      { name: 'middle', createdAt: expect.any(Date) },
      { name: 'zoo', createdAt: null },
    ])
    expect(await names({ after: 'app', limit: 1 })).toMatchObject([{ name: 'middle' }])
    await store.feeds.patch(scene.rita, name, { remote: { repositories: [] } })
    expect(await names()).toHaveLength(2)
    expect(registry.log.filter((line) => line.includes('_catalog'))).toEqual([])
  })

  test('of a hosted feed there are none', async () => {
    expect(await store.remotes.get(scene.dev.id)).toBe(null)
    expect((await store.feeds.get(scene.dev.name)).remote).toBe(null)
  })

  test('under another secret they do not open', async () => {
    const { id } = await make({ credentials: basic })
    const other = await openStore({ url: house.apiUrl, secret: randomBytes(32) })
    await expect(other.remotes.get(id)).rejects.toEqual(refused('secret_unusable'))
    await other.close()
  })

  const pem = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'
  test.each([
    ['url', { url: 'registry.example' }],
    ['url', { url: 'https://registry.example/team' }],
    ['url', { url: 'https://me:secret@registry.example' }],
    ['url', { url: 'ftp://registry.example' }],
    ['url', { url: 'http://registry.example' }],
    ['url', { url: 'http://10.0.0.1' }],
    ['url', { url: 'https://10.0.0.1' }],
    ['url', { url: 'https://169.254.169.254', privateHosts: ['169.254.169.254'] }],
    ['url', { url: 'http://127.0.0.1:1', plainHttp: [] }],
    ['prefix', { prefix: 'Team' }],
    ['prefix', { prefix: 'team/' }],
    ['realmAllowList[1]', { realmAllowList: ['https://auth.example', 'auth.example'] }],
    ['realmAllowList[0]', { realmAllowList: ['http://auth.example'] }],
    ['ca', { ca: pem }],
    ['clientCertificate', { clientCertificate: { cert: pem, key: 'x' } }],
    ['proxy', { proxy: 'https://proxy.example' }],
    ['proxy', { proxy: 'http://no host' }],
    ['proxy', { proxy: 'http://me:secret@proxy.example' }],
    ['privateHosts[0]', { privateHosts: ['https://registry.lan'] }],
    ['plainHttp[0]', { plainHttp: ['registry.lan:5000/x'] }],
    ['repositories[1]', { repositories: ['app', 'App'] }],
  ])('remote.%s is named where it is wrong: %j', async (field, over) => {
    await expect(make(over)).rejects.toEqual(refused('invalid', { field: `remote.${field}` }))
  })

  test.each([
    ['quota', { quota: { bytes: 1 } }],
    ['retention', { retention: { rules: [{ repositories: ['*'], keepLast: 1 }] } }],
  ])('%s is not for a remote feed', async (field, over) => {
    const remote = { url: 'https://registry.example' }
    const feed = { name: fresh('far'), stage: 'far', trusted: false, remote, ...over }
    await expect(store.feeds.create(scene.rita, feed)).rejects.toEqual(refused('invalid', { field }))
    const { name } = await make()
    await expect(store.feeds.patch(scene.rita, name, over)).rejects.toEqual(refused('invalid', { field }))
  })

  test('are kept as they are compared, however they were written', async () => {
    const { remote } = await make({
      url: `${registry.url}/`,
      realmAllowList: ['https://AUTH.example:443/'],
      proxy: 'http://Proxy.example:3128/',
      privateHosts: ['Registry.LAN'],
    })
    expect(remote).toMatchObject({
      url: registry.url,
      realmAllowList: ['https://auth.example'],
      proxy: 'http://proxy.example:3128',
      privateHosts: ['registry.lan'],
    })
  })

  test('change one by one; a hosted feed takes none', async () => {
    const { name, id } = await make({ credentials: basic })
    const patched = await store.feeds.patch(scene.rita, name, { remote: { prefix: 'other', bandwidth: 5 } })
    expect(patched.remote).toMatchObject({ url: registry.url, prefix: 'other', bandwidth: 5 })
    expect((await store.remotes.get(id))?.options.credentials).toEqual(basic)
    await expect(store.feeds.patch(scene.rita, scene.dev.name, { remote: { prefix: 'x' } })).rejects.toEqual(
      refused('feed_fixed'),
    )
  })

  test.each([
    ['url', { url: 'https://elsewhere.example' }],
    ['realmAllowList', { realmAllowList: ['https://elsewhere.example'] }],
    ['proxy', { proxy: 'http://elsewhere.example' }],
    ['plainHttp', { plainHttp: ['elsewhere.example', '127.0.0.1'] }],
  ])('%s does not change without the credentials that would follow it', async (_what, remote) => {
    const { name } = await make({ credentials: basic })
    await expect(store.feeds.patch(scene.rita, name, { remote })).rejects.toEqual(
      refused('invalid', { field: 'remote.credentials' }),
    )
    const freed = await store.feeds.patch(scene.rita, name, { remote: { ...remote, credentials: null } })
    expect(freed.remote).toMatchObject({ ...remote, credentials: null })
  })
})
