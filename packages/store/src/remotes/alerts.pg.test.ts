import { parsePolicy } from '@sluice/promotion'
import { memoryStorage } from '@sluice/feed/storage'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type SeenTag } from '../index.ts'
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
})
afterAll(() => beside.close())

const refused = (code: string, more: object = {}) =>
  expect.objectContaining({ name: 'StoreError', code, ...more })

/** A trusted remote feed whose ledger says that `1.0.0` of `app` is `digest`, and its registry too. */
let feed: { id: string; name: string }
let digest: string
let lane: string
let where: string
beforeEach(async () => {
  scene = await setScene(house)
  where = fresh('team')
  feed = await store.feeds.create(scene.rita, {
    name: fresh('far'),
    stage: 'far',
    trusted: true,
    remote: { url: registry.url, prefix: where, plainHttp: 'loopback' },
  })
  lane = fresh('lane')
  const policy = parsePolicy({ gates: {}, requestExpiresAfter: { hours: 1 } })
  await addLane(house.api, lane, scene.dev.id, feed.id, scene.rita, policy)
  digest = await scene.push('app', ['1.0.0'])
  registry.manifests.set(`${where}/app 1.0.0`, registry.asManifest(digest))
  await enterLedger()
})

/** What a promotion leaves behind, put there by the superuser: the steps that do it are the worker's. */
async function enterLedger(): Promise<void> {
  const { id: promotionId } = await promoted()
  await scene.sql(
    `insert into repository (id, feed_id, name) values (gen_random_uuid(), $1, 'app') on conflict do nothing`,
    [feed.id],
  )
  const [{ id: repository } = { id: '' }] = await scene.sql<{ id: string }>(
    `select id from repository where feed_id = $1 and name = 'app'`,
    [feed.id],
  )
  const [{ id: entry } = { id: '' }] = await scene.sql<{ id: string }>(
    'select id from audit_entry order by arrival desc limit 1',
  )
  const admission = crypto.randomUUID()
  await scene.sql(
    `insert into admission (id, feed_id, repository_id, digest, promotion_id, position, bound_hash, entry_id)
     values ($1, $2, $3, $4, $5, 0, 'x', $6)`,
    [admission, feed.id, repository, digest, promotionId, entry],
  )
  await scene.asOwner(
    `insert into repository_manifest (repository_id, digest, media_type, admission_id) values ($1, $2, 'application/vnd.oci.image.manifest.v1+json', $3)`,
    [repository, digest, admission],
  )
  await scene.asOwner(
    `insert into tag (repository_id, name, digest, moved_at) values ($1, '1.0.0', $2, now() - interval '1 hour')`,
    [repository, digest],
  )
}

/** A promotion into the feed that has ended. */
async function promoted(): Promise<{ id: string }> {
  const made = await store.requests.create(scene.rita, {
    lane,
    items: [{ image: 'app:1.0.0' }],
  })
  const { promotion } = await approve(made.request.id, made.request.setDigest, made.request.digest)
  const id = promotion?.id ?? ''
  await scene.unguarded(
    'promotion',
    `update promotion set state = 'SUCCEEDED', finished_at = now() where id = $1`,
    [id],
  )
  return { id }
}

async function approve(id: string, setDigest: string, one?: string) {
  await scene.sql(`insert into access_grant values ($1, $2, '{pull,approve}') on conflict do nothing`, [
    feed.id,
    scene.anna.principalId,
  ])
  return store.requests.approve(scene.anna, id, { digest: one ?? setDigest })
}

const look = async (...seen: SeenTag[]) => {
  const { at } = await store.remotes.ledger(feed.id)
  return store.remotes.compare(feed.id, { at, seen })
}
const app = (tag: string, seen: string | null): SeenTag => ({ repository: 'app', tag, digest: seen })
const open = async () =>
  (await store.remotes.alerts.list({ state: 'open', limit: 10, visibleFeedIds: [feed.id] })).items
const other = `sha256:${'d'.repeat(64)}`
const ask = (targetTags: string[]) =>
  store.requests.create(scene.rita, { lane, items: [{ image: 'app:1.0.0', targetTags }] })

describe('comparing a trusted remote feed with its ledger', () => {
  test('the ledger is what promotions set', async () => {
    const { tags, at } = await store.remotes.ledger(feed.id)
    expect(tags).toEqual([{ repository: 'app', tag: '1.0.0', digest }])
    expect(at).toBeInstanceOf(Date)
    expect(await store.remotes.trusted()).toContainEqual({ feedId: feed.id })
  })

  test.each([
    ['moved', '1.0.0', other, true],
    ['removed', '1.0.0', null, true],
    ['unknown', 'evil', other, false],
  ])('a tag that was %s is alerted once, with one entry', async (_how, tag, seen, known) => {
    expect(await look(app(tag, seen))).toEqual({ raised: 1, resolved: 0 })
    expect(await look(app(tag, seen), app(tag, seen))).toEqual({ raised: 0, resolved: 0 })
    const [alert] = await open()
    expect(alert).toMatchObject({
      feed: feed.name,
      repository: 'app',
      tag,
      expected: known ? digest : null,
      seen,
      resolved: null,
    })
    expect(await scene.entries(`alert:${alert?.id}`)).toEqual(['alert.raised'])
  })

  test.each([
    ['that is as it should be', () => app('1.0.0', digest)],
    ['that nobody has', () => app('evil', null)],
    ['that carries a signature', () => app(`${digest.replace(':', '-')}.sig`, other)],
    ['of a repository that nothing was promoted to', () => ({ ...app('1.0.0', other), repository: 'b' })],
  ])('a tag %s is no alert', async (_what, seen) => {
    expect(await look(seen())).toEqual({ raised: 0, resolved: 0 })
    expect(await open()).toEqual([])
  })

  test('an alert follows what is seen, and ends when the tag is as it should be', async () => {
    await look(app('1.0.0', other))
    await look(app('1.0.0', null))
    const [alert] = await open()
    expect(alert).toMatchObject({ expected: digest, seen: null })
    expect(await look(app('1.0.0', digest))).toEqual({ raised: 0, resolved: 1 })
    expect(await open()).toEqual([])
    expect(await scene.entries(`alert:${alert?.id}`)).toEqual([
      'alert.raised',
      'alert.changed',
      'alert.resolved',
    ])
    const { items } = await store.remotes.alerts.list({
      state: 'resolved',
      limit: 10,
      visibleFeedIds: [feed.id],
    })
    expect(items[0]?.resolved).toMatchObject({ by: null, resolution: 'restored' })
  })

  test('what a promotion is about to set is no alert, whatever attempt it is at', async () => {
    const next = await scene.push('app', ['2.0.0'])
    const { request } = await store.requests.create(scene.rita, { lane, items: [{ image: 'app:2.0.0' }] })
    expect(await look(app('2.0.0', next))).toEqual({ raised: 1, resolved: 0 })
    await look(app('2.0.0', null))
    await approve(request.id, request.setDigest, next)
    expect(await look(app('2.0.0', next))).toEqual({ raised: 0, resolved: 0 })
    expect(await look(app('2.0.0', other))).toEqual({ raised: 1, resolved: 0 })
  })

  test('what moved in the ledger after the registry was asked is left for the next time', async () => {
    const { at } = await store.remotes.ledger(feed.id)
    await scene.asOwner(
      `insert into tag_move (repository_id, tag, to_digest, promotion_id)
       select r.id, '1.0.0', $2, p.id from repository r, promotion p where r.feed_id = $1 limit 1`,
      [feed.id, digest],
    )
    const stale = { at, seen: [app('1.0.0', other)] }
    expect(await store.remotes.compare(feed.id, stale)).toEqual({ raised: 0, resolved: 0 })
    expect(await look(app('1.0.0', other))).toEqual({ raised: 1, resolved: 0 })
  })

  test('a worker may compare, and the observation is recorded', async () => {
    const { at } = await house.worker.remotes.ledger(feed.id)
    const seen = [app('1.0.0', other)]
    expect(await house.worker.remotes.compare(feed.id, { at, seen })).toEqual({ raised: 1, resolved: 0 })
    const rows = await scene.sql(
      `select o.name, o.digest from remote_tag o join repository r on r.id = o.repository_id where r.feed_id = $1`,
      [feed.id],
    )
    expect(rows).toEqual([{ name: '1.0.0', digest: other }])
  })

  test('of a feed that is not trusted nothing is expected', async () => {
    const { id } = await store.feeds.create(scene.rita, {
      name: fresh('loose'),
      stage: 'far',
      trusted: false,
      remote: { url: registry.url, prefix: where, plainHttp: 'loopback' },
    })
    await scene.sql(`insert into repository (id, feed_id, name) values (gen_random_uuid(), $1, 'app')`, [id])
    const { at } = await store.remotes.ledger(id)
    const seen = [app('1.0.0', other)]
    expect(await store.remotes.compare(id, { at, seen })).toEqual({ raised: 0, resolved: 0 })
  })

  const hint = (tag: string | null, repository = `${where}/app`) =>
    store.remotes.hint({ id: feed.id, trusted: true }, [
      { repository, tag },
      { repository: 'elsewhere', tag: '1.0.0' },
    ])
  const waiting = () =>
    scene.sql('select repository, tag, due_at > now() as later from remote_hint where feed_id = $1', [
      feed.id,
    ])

  test('a hint of the registry makes a worker look, whichever it is, and is not believed itself', async () => {
    const looked = () => house.worker.remotes.followHints(() => undefined)
    await hint('1.0.0')
    expect(await waiting()).toEqual([{ repository: `${where}/app`, tag: '1.0.0', later: false }])
    expect(await looked()).toEqual({ raised: 0, resolved: 0 })
    expect(await waiting()).toEqual([])
    registry.image(`${where}/app`, ['1.0.0', 'evil'])
    await hint('evil')
    expect(await looked()).toEqual({ raised: 1, resolved: 0 })
    await hint(null)
    expect(await looked()).toEqual({ raised: 1, resolved: 0 })
    expect((await open()).map(({ tag }) => tag).sort()).toEqual(['1.0.0', 'evil'])
    expect(await looked()).toEqual({ raised: 0, resolved: 0 })
  })

  test('a hint stays until the registry answers; what was said again meanwhile is looked at again', async () => {
    await hint('1.0.0')
    const told: string[] = []
    registry.state.instead = (_req, res) => {
      res.writeHead(503).end()
      return true
    }
    await house.worker.remotes.followHints((feedId, { code }) => told.push(`${feedId} ${code}`))
    expect(told).toEqual([`${feed.id} remote_unavailable`])
    expect(await waiting()).toMatchObject([{ later: true }])
    let again = Promise.resolve()
    registry.state.instead = () => {
      again = again.then(() => hint('1.0.0'))
      return false
    }
    await hint('1.0.0')
    await house.worker.remotes.followHints(() => undefined)
    await again
    registry.state.instead = () => false
    expect(await waiting()).toMatchObject([{ later: false }])
    await house.worker.remotes.followHints(() => undefined)
    expect(await waiting()).toEqual([])
  })

  test('very many hints of one feed become one of the repository', async () => {
    const many = Array.from({ length: 1_000 }, (_, i) => ({ repository: `${where}/app`, tag: `t${i}` }))
    await store.remotes.hint({ id: feed.id, trusted: true }, many)
    await hint('one-more')
    expect(await waiting()).toHaveLength(1_001)
    await hint('and-more')
    expect((await waiting()).filter(({ tag }) => tag === '')).toHaveLength(1)
    await scene.sql('delete from remote_hint where feed_id = $1', [feed.id])
  })
})

describe('an open alert', () => {
  test('blocks promotions to its tag, and to no other', async () => {
    await look(app('1.0.0', other))
    await expect(ask(['1.0.0'])).rejects.toEqual(refused('tag_alerted'))
    expect((await ask(['2.0.0'])).created).toBe(true)
    await expect(scene.sql(`select require_unalerted($1, 'app', '1.0.0')`, [feed.id])).rejects.toThrow(
      'tag_alerted',
    )
    await scene.sql(`select require_unalerted($1, 'app', '2.0.0')`, [feed.id])
  })

  test('ends when the registry is put back, and not by saying so', async () => {
    registry.image(`${where}/app`, ['1.0.0'])
    await store.remotes.hint({ id: feed.id, trusted: true }, [{ repository: `${where}/app`, tag: '1.0.0' }])
    await house.worker.remotes.followHints(() => undefined)
    const [alert] = await open()
    const restored = () =>
      store.remotes.alerts.resolve(scene.rita, alert?.id ?? '', { resolution: 'restored', comment: 'done' })
    await expect(restored()).rejects.toEqual(refused('tag_alerted'))
    registry.manifests.set(`${where}/app 1.0.0`, registry.asManifest(digest))
    expect((await restored()).resolved).toMatchObject({ resolution: 'restored' })
    expect((await ask(['1.0.0'])).created).toBe(true)
  })

  test('may be accepted as it is, until the tag changes again', async () => {
    await look(app('1.0.0', other))
    const [alert] = await open()
    const resolve = (comment: string) =>
      store.remotes.alerts.resolve(scene.rita, alert?.id ?? '', { resolution: 'accepted', comment })
    await expect(resolve(' ')).rejects.toEqual(refused('invalid', { field: 'comment' }))
    expect(await resolve('hotfix by hand')).toMatchObject({
      resolved: { by: scene.rita.name, resolution: 'accepted', comment: 'hotfix by hand' },
    })
    await expect(resolve('again')).rejects.toEqual(refused('already_decided'))
    expect(await look(app('1.0.0', other))).toEqual({ raised: 0, resolved: 0 })
    expect(await look(app('1.0.0', null))).toEqual({ raised: 1, resolved: 0 })
  })

  test('of a removed tag may take it out of the ledger, by a move with its entry', async () => {
    await look(app('1.0.0', other))
    const [moved] = await open()
    const accept = (id: string) =>
      store.remotes.alerts.resolve(scene.rita, id, { resolution: 'accept-removed', comment: 'retired' })
    await expect(accept(moved?.id ?? '')).rejects.toEqual(refused('invalid', { field: 'resolution' }))
    await look(app('1.0.0', null))
    expect((await accept(moved?.id ?? '')).resolved).toMatchObject({ resolution: 'accept-removed' })
    expect((await store.remotes.ledger(feed.id)).tags).toEqual([])
    const moves = await scene.sql(
      `select m.from_digest, m.to_digest, m.entry_id is not null as told from tag_move m
       join repository r on r.id = m.repository_id where r.feed_id = $1`,
      [feed.id],
    )
    expect(moves).toEqual([{ from_digest: digest, to_digest: null, told: true }])
  })
})

describe('invariant 1 on a trusted remote feed: its ledger is written by promotions alone', () => {
  const inFeed = `(select id from repository where feed_id = '$feed')`
  test.each([
    ['trusted_feed', `insert into tag (repository_id, name, digest) select ${inFeed}, 'evil', '$digest'`],
    ['trusted_feed', `update tag set digest = '$digest' where repository_id = ${inFeed}`],
    ['trusted_feed', `delete from tag where repository_id = ${inFeed}`],
    [
      'trusted_feed',
      `insert into repository_manifest (repository_id, digest, media_type) select ${inFeed}, '$digest', 'x'`,
    ],
    [
      'alert_fixed',
      `select forget_removed_tag((select id from remote_alert order by first_seen desc limit 1))`,
    ],
    [
      'entry_missing',
      `update remote_alert set resolved_at = now(), resolution = 'accepted', resolved_entry_id = entry_id,
         resolved_by = (select id from person limit 1), comment = 'mine' where resolved_at is null`,
    ],
    ['alert_fixed', `update remote_alert set seen = '$digest' where resolved_at is not null`],
    ['permission denied', `update remote_alert set tag = 'another'`],
    ['permission denied', `delete from remote_alert`],
    [
      'trusted_feed',
      `insert into repository_blob (repository_id, digest) select ${inFeed}, digest from blob limit 1`,
    ],
    [
      'repository_fixed',
      `insert into remote_tag (repository_id, name, digest) select id, 'x', '$digest' from repository where feed_id = '$dev' limit 1`,
    ],
    ['feed_fixed', `insert into feed_remote (feed_id, base_url) values ('$dev', 'https://registry.example')`],
  ])('%s: %s', async (code, statement) => {
    await look(app('1.0.0', other))
    await look(app('evil', other))
    await look(app('evil', null))
    const text = statement
      .replaceAll('$feed', feed.id)
      .replaceAll('$dev', scene.dev.id)
      .replaceAll('$digest', digest)
    const said = await store.pool.query(text).then(
      () => 'nothing',
      (error: Error) => error.message,
    )
    expect(said).toMatch(new RegExp(`^${code}`))
  })

  test.each(['tag', 'repository_manifest'])('the worker writes no %s of it either', async (table) => {
    await expect(house.worker.pool.query(`delete from ${table}`)).rejects.toThrow('permission denied')
    const columns = table === 'tag' ? '(repository_id, name, digest)' : '(repository_id, digest, media_type)'
    const values = table === 'tag' ? `'evil', '${digest}'` : `'${digest}', 'x'`
    await expect(
      house.worker.pool.query(
        `insert into ${table} ${columns} select id, ${values} from repository where feed_id = $1`,
        [feed.id],
      ),
    ).rejects.toThrow(/trusted_feed|permission denied/)
  })

  test('nobody links a blob to it', async () => {
    await expect(
      scene.asOwner(
        `insert into repository_blob (repository_id, digest) select r.id, b.digest from repository r, blob b where r.feed_id = $1 limit 1`,
        [feed.id],
      ),
    ).rejects.toThrow(/trusted_feed|repository_fixed/)
  })

  test('neither role changes settings but the api, nor reads them but for work', async () => {
    await expect(
      house.worker.pool.query(`update feed_remote set base_url = 'https://evil.example'`),
    ).rejects.toThrow('permission denied')
  })
})

describe('what was seen in a remote repository', () => {
  test('is forgotten when nothing has named or awaited it for long', async () => {
    const source = await store.feeds.create(scene.rita, {
      name: fresh('src'),
      stage: 'far',
      trusted: false,
      remote: { url: registry.url, prefix: where, plainHttp: 'loopback' },
    })
    const named = registry.image(`${where}/kept`, ['1'])
    const loose = registry.index(`${where}/kept`, [])
    const connected = await store.remotes.connect(source.id)
    if (connected === null) throw new Error('it is remote')
    const place = { feedId: source.id, repository: 'kept', at: connected.repository('kept') }
    await store.remotes.observe(place, { images: ['1', loose.digest] })
    const held = async () =>
      (
        await scene.sql<{ digest: string }>(
          `select m.digest from repository_manifest m join repository r on r.id = m.repository_id where r.feed_id = $1`,
          [source.id],
        )
      ).map((row) => row.digest)
    expect(await held()).toHaveLength(4)
    const collect = () => house.worker.collector.collect(memoryStorage())
    await collect()
    expect(await held()).toHaveLength(4)
    await scene.unguarded(
      'repository_manifest',
      `update repository_manifest set pushed_at = now() - interval '91 days' where repository_id in (select id from repository where feed_id = $1)`,
      [source.id],
    )
    // What an index holds goes after it: in the same pass, or in the next.
    const [first, second] = [await collect(), await collect()]
    expect((first?.forgotten ?? 0) + (second?.forgotten ?? 0)).toBe(3)
    expect(await held()).toEqual([named])
  })
})
