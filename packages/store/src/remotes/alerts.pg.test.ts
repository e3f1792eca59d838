import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Beside, fresh, openBeside } from '../promotion/test-elsewhere.ts'
import { app, other, type Ledger, setLedger } from './test-ledger.ts'
import { refused } from './test-remote.ts'

let beside: Beside
let house: Beside['house']
let store: Beside['store']
let registry: Beside['registry']
beforeAll(async () => {
  beside = await openBeside()
  ;({ house, store, registry } = beside)
})
afterAll(() => beside.close())

let scene: Ledger['scene']
let feed: Ledger['feed']
let digest: Ledger['digest']
let lane: Ledger['lane']
let where: Ledger['where']
let approve: Ledger['approve']
let look: Ledger['look']
let open: Ledger['open']
let ask: Ledger['ask']
beforeEach(async () => {
  ;({ scene, feed, digest, lane, where, approve, look, open, ask } = await setLedger(beside))
})

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
