import { beforeEach, describe, expect, it } from 'vitest'
import { openLeak, type Leak, refused } from './test-leak.ts'

let house: Leak['house']
let scene: Leak['scene']
let anna: Leak['anna']
let rita: Leak['rita']
let otto: Leak['otto']
let leaked: Leak['leaked']
let recall: Leak['recall']
let open: Leak['open']
let purged: Leak['purged']
let manifestOf: Leak['manifestOf']

beforeEach(async () => {
  const leak = await openLeak()
  ;({ house, scene, anna, rita, otto, leaked, recall, open, purged, manifestOf } = leak)
  return leak.close
})

describe('who may', () => {
  it('takes two persons, the first an administrator, the second one or with the recall grant', async () => {
    const { digest } = await leaked()
    await recall(digest)
    await expect(open(digest, otto)).rejects.toThrow(refused('purge_not_granted'))
    await expect(open(digest, scene.robot)).rejects.toThrow(refused('purge_not_granted'))
    const { purge } = await open(digest)
    expect((await open(digest, rita)).purge.id).toBe(purge.id)
    await expect(house.api.purges.confirm(anna, purge.id)).rejects.toThrow(refused('self_approval'))
    await scene.sql(`update person set roles = '{}' where id = $1`, [rita.personId])
    await expect(house.api.purges.confirm(rita, purge.id)).rejects.toThrow(refused('purge_not_granted'))
    await scene.sql(
      `insert into credential (person_id, password_hash, must_change, set_by) values ($1, 'x', false, $2)`,
      [otto.personId, anna.personId],
    )
    const confirmed = house.api.purges.confirm(otto, purge.id)
    await expect(confirmed).rejects.toThrow(refused('password_known_to_requester'))
    expect((await manifestOf(scene.dev, 'app', digest)).status).toBe(200)
    await scene.sql(`update person set roles = '{admin}' where id = $1`, [rita.personId])
    expect((await house.api.purges.confirm(rita, purge.id)).confirmed?.by).toBe(rita.name)
    await expect(house.api.purges.confirm(rita, purge.id)).rejects.toThrow(refused('purged'))
    expect(await scene.entries(`purge:${purge.id}`)).toEqual(['purge.opened', 'digest.purged'])
  })

  it('only what is recalled, and only while it is', async () => {
    const { digest } = await leaked()
    await expect(open(digest)).rejects.toThrow(refused('not_recalled'))
    await recall(digest)
    const { purge } = await open(digest)
    const asked = { lane: scene.lane, kind: 'restore' as const, items: [{ image: `app@${digest}` }] }
    const { request } = await house.api.requests.create(rita, { ...asked, reason: 'no secret' })
    const view = await house.api.requests.approve(scene.anna, request.id, { digest })
    await scene.promote(view.promotion!.id)
    await expect(house.api.purges.confirm(rita, purge.id)).rejects.toThrow(refused('not_recalled'))
    expect((await manifestOf(scene.trusted, 'app', digest)).status).toBe(200)
  })

  it('Postgres: neither role purges past the function, nor takes a tombstone away', async () => {
    const { digest } = await leaked()
    const { id } = await purged(digest)
    for (const { pool } of [house.api, house.worker]) {
      for (const text of [
        `update purge set confirmed_at = now()`,
        `delete from purge`,
        `delete from tombstone`,
        `insert into tombstone values ('sha256:x', '${id}', '{}')`,
      ]) {
        await expect(pool.query(text)).rejects.toMatchObject({ code: '42501' })
      }
    }
    const confirm = house.worker.pool.query('select confirm_purge($1, $1, $1)', [id])
    await expect(confirm).rejects.toMatchObject({ code: '42501' })
  })
})
