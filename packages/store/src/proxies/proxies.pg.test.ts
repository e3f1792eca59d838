import { OCI_MANIFEST, parseManifest } from '@sluice/oci'
import { parsePolicy } from '@sluice/promotion'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attestation, bytesOf, from, keys, result } from '../evidence/test-attestation.ts'
import { type Beside, fresh, openBeside } from '../promotion/test-elsewhere.ts'
import { addLane, type Scene, setScene } from '../promotion/test-scene.ts'

let beside: Beside
let house: Beside['house']
let store: Beside['store']
let scene: Scene
let registry: Beside['registry']

beforeAll(async () => {
  beside = await openBeside()
  ;({ house, store, registry } = beside)
  scene = await setScene(house)
})
afterAll(() => beside.close())

const refused = (code: string, more: object = {}) =>
  expect.objectContaining({ name: 'StoreError', code, ...more })
const reached = () => ({ url: registry.url, prefix: 'library', plainHttp: 'loopback' as const })

const make = (over: object = {}) =>
  store.feeds.create(scene.rita, {
    name: fresh('hub'),
    stage: 'hub',
    trusted: false,
    remote: reached(),
    cache: {},
    ...over,
  })

/** A proxy feed with a lane from it into the hosted trusted feed. */
async function source(gates: object = {}) {
  const feed = await make()
  const lane = fresh('lane')
  const policy = parsePolicy({ gates, requestExpiresAfter: { hours: 1 } })
  await addLane(house.api, lane, feed.id, scene.trusted.id, scene.rita, policy)
  const ask = (image: string, over: object = {}) =>
    store.requests.create(scene.rita, { lane, items: [{ image, ...over }] })
  return { feed, lane, ask, address: { feed: { ...feed, elsewhere: null }, repository: 'app' } }
}

const gets = (part: string) =>
  registry.log.filter((line) => line.startsWith('GET ') && line.includes(part)).length

describe('settings', () => {
  test('are those of a remote feed, and what is kept', async () => {
    const feed = await make({ cache: { keepDays: 7 }, quota: { bytes: 1000 } })
    expect(feed).toMatchObject({
      kind: 'proxy',
      trusted: false,
      quota: { bytes: 1000 },
      remote: { url: registry.url, prefix: 'library' },
      cache: { keepDays: 7, reachedAt: null, failingSince: null, failure: null },
    })
    expect((await make()).cache?.keepDays).toBe(30)
    const changed = await store.feeds.patch(scene.rita, feed.name, { cache: { keepDays: 90 } })
    expect(changed.cache?.keepDays).toBe(90)
    expect(await store.feedIndex.findFeed(feed.name)).toMatchObject({
      elsewhere: null,
      upstream: `${new URL(registry.url).host}/library`,
    })
    expect(await scene.entries(`feed:${feed.id}`)).toEqual(['feed.created', 'feed.changed'])
  })
  test.each([
    ['trusted', { trusted: true }],
    ['tagRules', { tagRules: { versions: true } }],
    ['retention', { retention: { rules: [{ repositories: ['*'], keepLast: 1 }] } }],
    ['cache.keepDays', { cache: { keepDays: 0 } }],
    ['cache.keepDays', { cache: { keepDays: 1.5 } }],
  ])('%s is refused when it is made, and when it is changed', async (field, over) => {
    await expect(make(over)).rejects.toEqual(refused('invalid', { field }))
    const { name } = await make()
    await expect(store.feeds.patch(scene.rita, name, over)).rejects.toEqual(refused('invalid', { field }))
  })
  test('are not those of another kind', async () => {
    await expect(store.feeds.patch(scene.rita, scene.dev.name, { cache: { keepDays: 3 } })).rejects.toEqual(
      refused('feed_fixed', { field: 'cache' }),
    )
  })
  test('the connection test reaches the upstream', async () => {
    registry.image('library/app', ['1.0.0'])
    expect(await store.remotes.test((await make()).id, 'app')).toMatchObject({ ok: true })
  })
  test('no lane leads there, and no pusher of a lane from there can be excluded', async () => {
    const { name } = await make()
    const policy = { gates: {} }
    await expect(
      store.lanes.create(scene.rita, { name: fresh('lane'), from: scene.dev.name, to: name, policy }),
    ).rejects.toEqual(refused('invalid', { field: 'to' }))
    const excluding = { gates: { pusher: 'excluded' } }
    await expect(
      store.lanes.create(scene.rita, {
        name: fresh('lane'),
        from: name,
        to: scene.trusted.name,
        policy: excluding,
      }),
    ).rejects.toEqual(refused('invalid', { field: 'policy.gates.pusher' }))
  })
  test('another upstream knows nothing of the tags that the former had', async () => {
    const { feed, ask, address } = await source()
    registry.image('library/app', ['4.0.0'])
    await ask('app:4.0.0')
    const digest = (await store.feedIndex.findManifest(address, '4.0.0'))?.digest ?? ''
    await store.feeds.patch(scene.rita, feed.name, { remote: { bandwidth: 100_000 } })
    expect(await store.feedIndex.findManifest(address, '4.0.0')).not.toBeNull()
    await store.feeds.patch(scene.rita, feed.name, { remote: { prefix: 'elsewhere' } })
    expect(await store.feedIndex.findManifest(address, '4.0.0')).toBeNull()
    expect(await store.feedIndex.findManifest(address, digest)).not.toBeNull()
  })
})

describe('PostgreSQL itself refuses', () => {
  test.each([
    [
      'a trusted proxy',
      `insert into feed (id, kind, stage, trusted) values (gen_random_uuid(), 'proxy', 'x', true)`,
      '23514',
    ],
    ['rules of a proxy', `update feed set tag_rules = '{"versions": true}' where id = $hub`, '23514'],
    ['to trust one', `update feed set trusted = true where id = $hub`, 'trusted_fixed'],
    [
      'an upload into one',
      `insert into upload (id, repository_id, principal_id, storage_key)
       select gen_random_uuid(), r.id, $rita, 'x' from repository r where r.feed_id = $hub limit 1`,
      'repository_fixed',
    ],
    [
      'an observed move of a hosted feed',
      `insert into tag_move (repository_id, tag, to_digest, observed)
       select r.id, 'x', 'sha256:x', true from repository r where r.feed_id = $dev limit 1`,
      'membership_fixed',
    ],
    [
      'a use in a hosted feed',
      `insert into manifest_use (repository_id, digest) select m.repository_id, m.digest
       from repository r join repository_manifest m on m.repository_id = r.id where r.feed_id = $dev limit 1`,
      'membership_fixed',
    ],
    [
      'a lane into one',
      `insert into lane (id, name, from_feed_id, to_feed_id) values (gen_random_uuid(), 'x', $dev, $hub)`,
      'lane_fixed',
    ],
    [
      'a cache of a hosted feed',
      `insert into feed_cache (feed_id, keep_days, upstream) values ($dev, 3, 'x')`,
      'feed_fixed',
    ],
  ])('%s', async (_, statement, code) => {
    await scene.push('app', ['0.0.1'])
    const { feed, address } = await source()
    await store.feedIndex.keepManifest(address, {
      ...manifestOf(registry.image('library/app', [])),
      tag: null,
    })
    const ids: Record<string, string> = { hub: feed.id, rita: scene.rita.principalId, dev: scene.dev.id }
    const text = statement.replace(/\$(\w+)/g, (_name, name: string) => `'${ids[name]}'`)
    const error = await store.pool.query(text).catch((thrown: unknown) => thrown)
    expect(error).toEqual(
      expect.objectContaining(code === '23514' ? { code } : { code: 'SL001', message: code }),
    )
  })
})

/** What the registry of the tests serves under a digest. */
function manifestOf(digest: string) {
  const found = [...registry.manifests].find(([key]) => key.endsWith(` ${digest}`))?.[1]
  if (found === undefined) throw new Error(`no manifest ${digest}`)
  return { digest, manifest: parseManifest(found.bytes, found.type) }
}

describe('the tags of a proxy', () => {
  test('have a history of what the upstream did', async () => {
    const { feed, address } = await source()
    const [one, two] = [registry.image('library/app', []), registry.image('library/app', [])]
    await store.feedIndex.keepManifest(address, { ...manifestOf(one), tag: 'latest' })
    await store.feedIndex.keepManifest(address, { ...manifestOf(two), tag: 'latest' })
    await store.feedIndex.forgetTag(address, 'latest')
    const { items } = await store.feeds.tagHistory(feed.id, 'app', 'latest', { limit: 10 })
    const by = `upstream:${new URL(registry.url).host}`
    expect(items).toMatchObject([
      { from: two, to: null, by },
      { from: one, to: two, by },
      { from: null, to: one, by },
    ])
    expect((await store.feeds.moves({ limit: 1, visibleFeedIds: [feed.id] })).items).toMatchObject([{ by }])
  })
  test('go nowhere by hand', async () => {
    const { feed } = await source()
    await expect(
      store.feeds.restoreTag(scene.rita, feed.id, { repository: 'app', tag: 'x', to: { at: new Date() } }),
    ).rejects.toEqual(refused('invalid', { field: 'feed' }))
  })
})

describe('a request from a proxy', () => {
  test('fetches every manifest of the image, none twice, and no blob', async () => {
    const { feed, ask, address } = await source()
    const { digest, children } = registry.index('library/app', ['1.0.0'])
    const before = { manifests: gets('/manifests/'), blobs: gets('/blobs/') }
    const { request } = await ask('app:1.0.0')
    expect(request).toMatchObject({ digest, closure: { manifests: 3, blobs: 4 } })
    expect(gets('/manifests/') - before.manifests).toBe(3)
    expect(gets('/blobs/') - before.blobs).toBe(0)
    for (const one of [digest, ...children.map((child) => child.digest)]) {
      expect(await store.feedIndex.findManifest(address, one)).not.toBeNull()
    }
    await ask('app:1.0.0', { targetTags: ['1.0.1'] })
    expect(gets('/manifests/') - before.manifests).toBe(3)
    expect((await store.feeds.tags(feed.id, 'app', { limit: 10 })).items).toMatchObject([
      { tag: '1.0.0', digest, pushedBy: null, platforms: ['linux/amd64', 'linux/arm64'] },
    ])
  })
  test('looks where the tag is now; by a digest that is kept whole it asks nobody', async () => {
    const { ask, address } = await source()
    const first = registry.image('library/app', ['2.0.0'])
    await ask('app:2.0.0')
    const second = registry.image('library/app', ['2.0.0'])
    expect((await ask('app:2.0.0')).request.digest).toBe(second)
    const before = registry.log.length
    expect((await ask(`app@${first}`, { targetTags: ['2.0.0-old'] })).request.digest).toBe(first)
    expect(registry.log.length).toBe(before)
    registry.remove('library/app', '2.0.0')
    await expect(ask('app:2.0.0')).rejects.toEqual(refused('tag_unknown'))
    expect(await store.feedIndex.findManifest(address, '2.0.0')).toBeNull()
  })
  test('sees that the tag has moved since, when it is read', async () => {
    const { ask } = await source()
    const first = registry.image('library/app', ['3.0.0'])
    const { request } = await ask('app:3.0.0')
    const second = registry.image('library/app', ['3.0.0'])
    await store.remotes.look.again(request.id)
    expect((await store.requests.get(request.id))?.drift).toMatchObject({ from: first, to: second })
  })
  test('is refused while the upstream is away, and leaves nothing', async () => {
    const { ask } = await source()
    registry.image('library/gone', ['1.0.0'])
    registry.state.instead = (_req, res) => {
      res.writeHead(500).end()
      return true
    }
    await expect(ask('gone:1.0.0')).rejects.toEqual(refused('remote_unavailable'))
    registry.state.instead = () => false
    const [row] = await scene.sql<{ count: string }>(`select count(*) from repository where name = 'gone'`)
    expect(row?.count).toBe('0')
  })
  test('reads the evidence that hangs on the image upstream, and promotes it with the image', async () => {
    const feed = await make()
    const lane = fresh('lane')
    const policy = parsePolicy({ gates: { tests: [{ from }] }, keys, requestExpiresAfter: { hours: 1 } })
    await addLane(house.api, lane, feed.id, scene.trusted.id, scene.rita, policy)
    const digest = registry.image('library/app', ['5.0.0'])
    const subject = { mediaType: OCI_MANIFEST, digest, size: registry.sizeOf(digest) }
    const signed = Buffer.from(bytesOf(attestation(digest, result('PASSED'))))
    const layer = registry.blob('application/vnd.dsse.envelope.v1+json', signed)
    const referrer = registry.attach('library/app', subject, layer)
    const storage = {
      // oxlint-disable-next-line require-yield -- nothing of it is kept yet
      async *read(): AsyncGenerator<Uint8Array> {
        throw new Error('not asked')
      },
    }
    const asked = { lane, items: [{ image: 'app:5.0.0' }] }
    const { request } = await store.requests.create(scene.rita, asked, storage)
    expect(request.gates.find(({ gate }) => gate === 'tests')?.verdict).toBe('pass')
    expect(request.closure).toMatchObject({ manifests: 2 })
    const address = { feed: { id: feed.id, name: feed.name, trusted: false }, repository: 'app' }
    expect(await store.feedIndex.findManifest(address, referrer)).not.toBeNull()
  })
})
