import { OCI_CONFIG, OCI_MANIFEST } from '@sluice/oci'
import { parsePolicy } from '@sluice/promotion'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attestation, bytesOf, from, keys, result } from '../evidence/test-attestation.ts'
import { openStore } from '../index.ts'
import { fresh } from '../promotion/test-elsewhere.ts'
import { addLane } from '../promotion/test-scene.ts'
import { startRegistry } from './test-registry.ts'
import { basic, openRemotes, refused, type Remotes } from './test-remote.ts'

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
