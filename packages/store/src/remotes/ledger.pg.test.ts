import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Beside, openBeside } from '../promotion/test-elsewhere.ts'
import { app, other, type Ledger, setLedger } from './test-ledger.ts'

let beside: Beside
let house: Beside['house']
let store: Beside['store']
beforeAll(async () => {
  beside = await openBeside()
  ;({ house, store } = beside)
})
afterAll(() => beside.close())

let scene: Ledger['scene']
let feed: Ledger['feed']
let digest: Ledger['digest']
let look: Ledger['look']
beforeEach(async () => {
  ;({ scene, feed, digest, look } = await setLedger(beside))
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
