import { randomBytes } from 'node:crypto'
import { OCI_CONFIG, OCI_MANIFEST } from '@sluice/oci'
import { parsePolicy } from '@sluice/promotion'
import { attestation, bytesOf, from, keys, result } from '../evidence/test-attestation.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openStore } from '../index.ts'
import { type Beside, fresh, openBeside } from '../promotion/test-elsewhere.ts'
import { addLane, type Scene, setScene } from '../promotion/test-scene.ts'
import { startRegistry } from './test-registry.ts'

const PASSWORD = 'c0rrect-horse-battery'

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
const basic = { type: 'basic', username: 'puller', password: PASSWORD } as const

const make = (over: object = {}, trusted = false) =>
  store.feeds.create(scene.rita, {
    name: fresh('far'),
    stage: 'far',
    trusted,
    remote: { url: registry.url, prefix: 'team', plainHttp: 'loopback', ...over },
  })

/** A remote feed with a lane from it into the hosted trusted feed. */
async function source(gates: object = {}) {
  const feed = await make()
  const lane = fresh('lane')
  const policy = parsePolicy({ gates, requestExpiresAfter: { hours: 1 } })
  await addLane(house.api, lane, feed.id, scene.trusted.id, scene.rita, policy)
  const ask = (image: string, over: object = {}) =>
    store.requests.create(scene.rita, { lane, items: [{ image, ...over }] })
  return { feed, lane, ask }
}

const storage = {
  // oxlint-disable-next-line require-yield -- our own storage holds nothing of a remote feed
  async *read(): AsyncGenerator<Uint8Array> {
    throw new Error('not asked')
  },
}

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

describe('a request whose source is remote', () => {
  test('sees tag, digest and closure as the registry has them, and fixes them', async () => {
    const { feed, ask } = await source()
    const { digest, children } = registry.index('team/app', ['1.0.0'])
    const { request } = await ask('app:1.0.0')
    expect(request).toMatchObject({
      state: 'PENDING',
      digest,
      source: { feed: feed.name, repository: 'app', tag: '1.0.0' },
      closure: { manifests: 3, blobs: 4 },
      platforms: ['linux/amd64', 'linux/arm64'],
      drift: null,
    })
    const held = await scene.sql<{ digest: string; pushedBy: string | null }>(
      `select m.digest, m.pushed_by as "pushedBy" from repository_manifest m join repository r on r.id = m.repository_id
       where r.feed_id = $1`,
      [feed.id],
    )
    expect(held.map((row) => row.digest).sort()).toEqual(
      [digest, ...children.map((child) => child.digest)].sort(),
    )
    expect(held.every(({ pushedBy }) => pushedBy === null)).toBe(true)
    const blobs = await scene.sql(
      `select from repository_blob b join repository r on r.id = b.repository_id where r.feed_id = $1`,
      [feed.id],
    )
    expect(blobs).toEqual([])
  })

  test('drifts when the tag moves there, and when it goes', async () => {
    const { ask } = await source()
    const first = registry.image('team/drift', ['live'])
    const { request } = await ask('drift:live')
    const second = registry.image('team/drift', ['live'])
    // Only a new process has not looked just now.
    const looker = await openStore({ url: house.apiUrl, secret: beside.secret })
    await looker.remotes.look.again(request.id)
    expect(await looker.requests.get(request.id)).toMatchObject({
      digest: first,
      drift: { from: first, to: second, at: expect.any(String) },
    })
    await looker.remotes.look.again(request.id)
    expect(registry.log.filter((line) => line === 'HEAD /v2/team/drift/manifests/live')).toHaveLength(2)
    await looker.close()
    registry.remove('team/drift', 'live')
    const later = await openStore({ url: house.apiUrl, secret: beside.secret })
    await later.remotes.look.again(request.id)
    expect(await later.requests.get(request.id)).toMatchObject({ drift: { from: first, to: null } })
    await later.close()
  })

  test('soaks from when it was first seen', async () => {
    const { feed, lane, ask } = await source({ soak: { minutes: 60 } })
    registry.image('team/soak', ['1.0.0'])
    const soak = (gates: readonly { gate: string; verdict: string }[]) =>
      gates.find(({ gate }) => gate === 'soak')?.verdict
    expect(soak((await ask('soak:1.0.0')).request.gates)).toBe('wait')
    await scene.unguarded(
      'repository_manifest',
      `update repository_manifest set pushed_at = pushed_at - interval '2 hours'
       where repository_id in (select id from repository where feed_id = $1)`,
      [feed.id],
    )
    const { gates } = await store.requests.evaluate(scene.rita, { lane, items: [{ image: 'soak:1.0.0' }] })
    expect(soak(gates)).toBe('pass')
  })

  test.each(['subject', 'tag'])(
    'evidence that hangs on it there, by its %s, is signed or nothing',
    async (how) => {
      const lane = fresh('lane')
      const feed = await make()
      const policy = parsePolicy({ gates: { tests: [{ from }] }, keys, requestExpiresAfter: { hours: 1 } })
      await addLane(house.api, lane, feed.id, scene.trusted.id, scene.rita, policy)
      const repository = fresh('team/proven')
      const digest = registry.image(repository, ['1.0.0'])
      const asked = { lane, items: [{ image: `${repository.slice('team/'.length)}:1.0.0` }] }
      await expect(store.requests.create(scene.rita, asked, storage)).rejects.toEqual(refused('gate_refused'))
      const mediaType = 'application/vnd.dsse.envelope.v1+json'
      const layer = registry.blob(mediaType, Buffer.from(bytesOf(attestation(digest, result('PASSED')))))
      if (how === 'subject')
        registry.attach(repository, { digest, mediaType: OCI_MANIFEST, size: registry.sizeOf(digest) }, layer)
      else {
        const tag = `${digest.replace(':', '-')}.att`
        registry.put(repository, { config: registry.blob(OCI_CONFIG), layers: [layer] }, OCI_MANIFEST, [tag])
      }
      const { request } = await store.requests.create(scene.rita, asked, storage)
      expect(request.gates.find(({ gate }) => gate === 'tests')?.verdict).toBe('pass')
      // Whoever asked is not its sender: nobody is.
      expect(await scene.sql('select type, sender from evidence where subject = $1', [digest])).toEqual([
        { type: 'test', sender: null },
      ])
    },
  )

  test('evidence is found on the third page of what refers to it; beyond a thousand nothing counts', async () => {
    const lane = fresh('lane')
    const feed = await make()
    const policy = parsePolicy({ gates: { tests: [{ from }] }, keys, requestExpiresAfter: { hours: 1 } })
    await addLane(house.api, lane, feed.id, scene.trusted.id, scene.rita, policy)
    const repository = fresh('team/much')
    const digest = registry.image(repository, ['1.0.0'])
    const subject = { digest, mediaType: OCI_MANIFEST, size: registry.sizeOf(digest) }
    const clutter = (count: number) => {
      for (let i = 0; i < count; i++) registry.attach(repository, subject, registry.blob('text/plain'))
    }
    clutter(210)
    const mediaType = 'application/vnd.dsse.envelope.v1+json'
    const passed = registry.blob(mediaType, Buffer.from(bytesOf(attestation(digest, result('PASSED')))))
    const proof = registry.attach(repository, subject, passed)
    const asked = { lane, items: [{ image: `${repository.slice('team/'.length)}:1.0.0` }] }
    const dry = () => store.requests.evaluate(scene.rita, asked, storage)
    expect((await dry()).gates.find(({ gate }) => gate === 'tests')?.verdict).toBe('pass')
    registry.log.length = 0
    await dry()
    // By digest nothing changes: what was seen is not fetched again.
    expect(registry.log.filter((line) => line.startsWith('GET') && line.endsWith(proof))).toEqual([])
    clutter(790)
    const { gates } = await dry()
    expect(gates.find(({ gate }) => gate === 'tests')).toMatchObject({
      verdict: 'block',
      reasons: [expect.stringContaining('more than 1000 artifacts')],
    })
  })

  test.each([
    ['tag_unknown', 'nothing:1.0.0', {}],
    ['digest_unknown', `nothing@sha256:${'a'.repeat(64)}`, { targetTags: ['1'] }],
  ])('%s where the registry has no such image', async (code, image, over) => {
    const { ask } = await source()
    await expect(ask(image, over)).rejects.toEqual(refused(code))
  })

  test('closure_incomplete where a child is missing there; nothing of it is kept', async () => {
    const { feed, ask } = await source()
    const { children } = registry.index('team/broken', ['1.0.0'])
    registry.remove('team/broken', children[1]?.digest ?? '')
    await expect(ask('broken:1.0.0')).rejects.toEqual(refused('closure_incomplete'))
    expect(await scene.sql(`select from repository where feed_id = $1`, [feed.id])).toEqual([])
  })

  test('bytes that are not what the digest says are refused', async () => {
    const { feed, ask } = await source()
    const digest = registry.image('team/liar', ['1.0.0'])
    const other = registry.image('team/liar', ['other'])
    registry.state.instead = (req, res) => {
      if (req.method !== 'GET' || req.url !== `/v2/team/liar/manifests/${digest}`) return false
      res.writeHead(307, { location: `/v2/team/liar/manifests/${other}` }).end()
      return true
    }
    await expect(ask('liar:1.0.0')).rejects.toEqual(refused('remote_refused'))
    registry.state.instead = () => false
    expect(await scene.sql(`select from repository where feed_id = $1`, [feed.id])).toEqual([])
  })

  test.each([
    [401, 'remote_refused', 'credentials'],
    [403, 'remote_refused', 'credentials'],
    [500, 'remote_unavailable', 'try again'],
    [429, 'remote_unavailable', 'try again'],
  ])('a registry that answers %i is %s, with the feed and what to do', async (status, code, advice) => {
    const { feed, ask } = await source()
    registry.state.instead = (_req, res) => {
      res.writeHead(status).end()
      return true
    }
    const error = await ask('app:1.0.0').catch((thrown: unknown) => thrown)
    registry.state.instead = () => false
    expect(error).toEqual(refused(code, { message: expect.stringContaining(feed.name) }))
    expect(error).toMatchObject({ message: expect.stringContaining(advice) })
  })

  test('a realm on another host gets no credentials', async () => {
    const thief = await startRegistry()
    const { feed, ask } = await source()
    await store.feeds.patch(scene.rita, feed.name, { remote: { credentials: basic } })
    registry.state.instead = (_req, res) => {
      res.writeHead(401, { 'www-authenticate': `Bearer realm="${thief.url}/token",service="x"` }).end()
      return true
    }
    await expect(ask('app:1.0.0')).rejects.toEqual(
      refused('remote_refused', { detail: { feed: feed.name, registry: 'realm_refused' } }),
    )
    registry.state.instead = () => false
    expect(thief.log).toEqual([])
    await thief.close()
  })
})

describe('a request whose target is remote', () => {
  test.each([[false], [true]])('expects what the tag names there (trusted: %s)', async (trusted) => {
    const feed = await make({}, trusted)
    const lane = fresh('lane')
    const policy = parsePolicy({ gates: {}, requestExpiresAfter: { hours: 1 } })
    await addLane(house.api, lane, scene.dev.id, feed.id, scene.rita, policy)
    const repository = fresh('out')
    await scene.push(repository, ['1.0.0', 'live'])
    const there = registry.image(`team/${repository}`, ['live'])
    const ask = (tags: string[]) =>
      store.requests.create(scene.rita, {
        lane,
        items: [{ image: `${repository}:1.0.0`, targetTags: tags }],
      })
    const { request } = await ask(['live', '1.0.0'])
    expect(request.target?.tags).toEqual([
      { tag: '1.0.0', expected: null },
      { tag: 'live', expected: there },
    ])
    const moved = registry.image(`team/${repository}`, ['live'])
    const again = await ask(['live'])
    expect(again.request.target?.tags).toEqual([{ tag: 'live', expected: moved }])
    registry.remove(`team/${repository}`, 'live')
    expect((await ask(['live'])).request.target?.tags).toEqual([{ tag: 'live', expected: null }])
    // An observation lets nothing in.
    const ledger = await scene.sql(
      `select from repository r join repository_manifest m on m.repository_id = r.id where r.feed_id = $1
       union all select from repository r join tag t on t.repository_id = r.id where r.feed_id = $1`,
      [feed.id],
    )
    expect(ledger).toEqual([])
  })
})
