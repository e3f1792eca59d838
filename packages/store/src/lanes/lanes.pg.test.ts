import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Actor, LaneView } from '../index.ts'
import { type House, openHouse, setScene } from '../promotion/test-scene.ts'

let house: House
let admin: Actor
let second: Actor
beforeAll(async () => {
  house = await openHouse()
  await house.api.accounts.seed({ adminPassword: 'the first one' })
  admin = await signedIn('admin', 'the first one')
}, 60_000)
afterAll(() => house.close())

const refused = (code: string) => expect.objectContaining({ name: 'StoreError', code })

async function signedIn(username: string, password: string): Promise<Actor> {
  const actor = await house.api.accounts.byPassword(username, password)
  if (actor === null) throw new Error(`${username} cannot sign in`)
  return actor
}

/** What is asked, in feeds of its own. */
async function feeds(...names: string[]): Promise<string[]> {
  const tail = Math.random().toString(36).slice(2, 8)
  const made = names.map((name) => `${name}-${tail}`)
  for (const name of made)
    await house.api.feeds.create(admin, { name, stage: 'x', trusted: name.startsWith('trusted') })
  return made
}

describe('forward only', () => {
  test('chains of any length; a lane that would close a circle is refused with the chain named', async () => {
    const [dev, qa, staging, prod] = await feeds('dev', 'qa', 'staging', 'prod')
    const lane = (from: string, to: string) =>
      house.api.lanes.create(admin, { name: `${from}-to-${to}`, from, to, policy: {} })
    await lane(dev!, qa!)
    await lane(qa!, staging!)
    await lane(staging!, prod!)
    await lane(dev!, prod!)
    const circle = (...chain: unknown[]) =>
      expect.objectContaining({ code: 'lane_circle', message: expect.stringContaining(chain.join(' → ')) })
    await expect(lane(qa!, dev!)).rejects.toThrow(circle(qa, dev, qa))
    await expect(lane(prod!, qa!)).rejects.toThrow(circle(prod, qa, staging, prod))
    await house.api.lanes.remove(admin, `${qa}-to-${staging}`)
    expect((await lane(staging!, dev!)).version).toBe(1)
  })

  test('two lanes at once do not close a circle together', async () => {
    const [a, b] = await feeds('a', 'b')
    const both = await Promise.allSettled([
      house.api.lanes.create(admin, { name: `${a}-on`, from: a!, to: b!, policy: {} }),
      house.api.lanes.create(admin, { name: `${a}-back`, from: b!, to: a!, policy: {} }),
    ])
    expect(new Set(both.map(({ status }) => status))).toEqual(new Set(['fulfilled', 'rejected']))
  })

  test('a feed that lanes lead into does not become trusted', async () => {
    const [from, to] = await feeds('dev', 'later')
    await house.api.lanes.create(admin, { name: `${from}-x`, from: from!, to: to!, policy: {} })
    await expect(house.api.feeds.patch(admin, to!, { trusted: true })).rejects.toThrow(
      refused('trusted_fixed'),
    )
  })
})

describe('versions', () => {
  test('are listed, the latest first; the same policy makes none', async () => {
    const [from, to] = await feeds('dev', 'trusted')
    const name = `${from}-x`
    await house.api.lanes.create(admin, { name, from: from!, to: to!, policy: {} })
    const soak = { gates: { soak: { minutes: 5 } } }
    for (let i = 0; i < 2; i++) await house.api.lanes.put(admin, name, { policy: soak })
    expect(await house.api.lanes.versions(name)).toMatchObject([
      { version: 2, policy: soak, by: 'admin', confirmedBy: null },
      { version: 1, by: 'admin' },
    ])
  })

  test('open requests keep theirs, or end with invalidate, and what is done stays', async () => {
    const scene = await setScene(house)
    for (const tag of ['1.0.0', '2.0.0', '3.0.0']) await scene.push('app', [tag])
    const done = await scene.approved('app:1.0.0')
    await scene.promote(done.promotionId)
    const running = await scene.approved('app:2.0.0')
    const run = await scene.begin(running.promotionId)
    await scene.stageAll(run)
    const { request: pending } = await scene.request('app:3.0.0')
    const put = (minutes: number, invalidate?: boolean) =>
      house.api.lanes.put(admin, scene.lane, {
        policy: { gates: { soak: { minutes } } },
        ...(invalidate !== undefined && { invalidate }),
      })
    await put(1)
    expect(await house.api.requests.get(pending.id)).toMatchObject({ state: 'PENDING', lane: { version: 1 } })
    await put(2, true)
    const states = await Promise.all(
      [done, running, pending].map(async ({ id }) => (await house.api.requests.get(id))?.state),
    )
    expect(states).toEqual(['APPROVED', 'INVALIDATED', 'INVALIDATED'])
    await expect(house.worker.runs.commit(run)).rejects.toThrow(refused('fenced'))
    expect(await scene.landed('app', '2.0.0')).toBeNull()
    expect(await scene.landed('app', '1.0.0')).toBe(done.digest)
    expect(await scene.entries(`request:${pending.id}`)).toEqual(['request.created', 'request.invalidated'])
  })
})

describe('where there is a second administrator', () => {
  beforeAll(async () => {
    await house.api.accounts.users.create(admin, {
      username: 'second',
      password: 'a password',
      roles: ['admin'],
      mustChangePassword: false,
    })
    second = await signedIn('second', 'a password')
  })

  async function proposed(): Promise<{ lane: LaneView; change: string; name: string }> {
    const [from, to] = await feeds('dev', 'trusted')
    const name = `${from}-x`
    const lane = await house.api.lanes.create(admin, { name, from: from!, to: to!, policy: {} })
    return { lane, name, change: lane.pending!.id }
  }

  /** Admin no longer knows the second one's password. */
  async function ownPassword(): Promise<void> {
    await house.api.accounts.changePassword(second, { current: 'a password', next: 'my own password' })
    second = await signedIn('second', 'my own password')
  }

  test('whoever made the account and knows its password does not confirm through it', async () => {
    const { name, change } = await proposed()
    await expect(house.api.lanes.confirm(second, name, change)).rejects.toThrow(
      refused('password_known_to_requester'),
    )
    await ownPassword()
    expect(await house.api.lanes.confirm(second, name, change)).toMatchObject({ version: 1 })
  })

  test('a lane into a trusted feed is there when another one confirmed it, and not before', async () => {
    const { lane, name, change } = await proposed()
    expect(lane).toMatchObject({ version: 0, pending: { kind: 'create', by: 'admin' } })
    const asked = { lane: name, items: [{ image: 'app:1' }] }
    await expect(house.api.requests.create(admin, asked)).rejects.toThrow(refused('lane_unknown'))
    await expect(house.api.lanes.confirm(admin, name, change)).rejects.toThrow(refused('second_admin_needed'))
    await house.api.accounts.users.create(admin, { username: 'nobody', password: 'a password' })
    await expect(
      house.api.lanes.confirm(await signedIn('nobody', 'a password'), name, change),
    ).rejects.toThrow(refused('second_admin_needed'))
    expect(await house.api.lanes.confirm(second, name, change)).toMatchObject({ version: 1, pending: null })
    await expect(house.api.lanes.confirm(second, name, change)).rejects.toThrow(refused('not_found'))
    expect(await house.api.lanes.versions(name)).toMatchObject([{ by: 'admin', confirmedBy: 'second' }])
    const { rows } = await house.admin.query(
      `select type, actor from audit_entry where subjects @> array[$1] order by arrival`,
      [`lane-change:${change}`],
    )
    expect(rows).toEqual([
      { type: 'lane.change_proposed', actor: `person:${admin.personId}` },
      { type: 'lane.change_confirmed', actor: `person:${second.personId}` },
      { type: 'lane.created', actor: `person:${second.personId}` },
    ])
  })

  test('a new version and a removal wait too, one at a time, and are taken back', async () => {
    const { name, change } = await proposed()
    await house.api.lanes.confirm(second, name, change)
    const weaker = { policy: { requestExpiresAfter: { hours: 1 } } }
    const put = await house.api.lanes.put(admin, name, weaker)
    expect(put).toMatchObject({ version: 1, pending: { kind: 'put' } })
    await expect(house.api.lanes.remove(admin, name)).rejects.toThrow(refused('change_pending'))
    await house.api.lanes.withdraw(admin, name, put.pending!.id)
    await expect(house.api.lanes.confirm(second, name, put.pending!.id)).rejects.toThrow(refused('not_found'))
    const gone = await house.api.lanes.remove(second, name)
    expect(gone).toMatchObject({ version: 1, pending: { kind: 'remove', policy: null, by: 'second' } })
    expect(await house.api.lanes.confirm(admin, name, gone!.pending!.id)).toBeNull()
    await expect(house.api.lanes.get(name)).rejects.toThrow(refused('not_found'))
  })

  test('a lane that was only proposed is gone when it is taken back', async () => {
    const { name, change } = await proposed()
    await house.api.lanes.withdraw(second, name, change)
    await expect(house.api.lanes.get(name)).rejects.toThrow(refused('not_found'))
  })

  test('a lane into another feed needs nobody', async () => {
    const [from, to] = await feeds('dev', 'staging')
    const lane = { name: `${from}-x`, from: from!, to: to!, policy: {} }
    expect(await house.api.lanes.create(admin, lane)).toMatchObject({ version: 1, pending: null })
    expect(await house.api.lanes.remove(admin, lane.name)).toBeNull()
  })

  test('Postgres: no version without its confirmation, none twice, and none of another policy', async () => {
    const { name, lane, change } = await proposed()
    const write = (changeId: string | null, policy: string) =>
      house.api.prisma.$executeRawUnsafe(
        `insert into lane_version (lane_id, version, policy, policy_hash, quorum, created_by, entry_id, change_id)
         select $1::uuid, 7, ${policy}, c.policy_hash, 1, e.by, e.id, $2::uuid from lane_change c, (
           select id, substr(actor, 8)::uuid as by from audit_entry
           where subjects @> array['lane:' || $1::text] order by arrival desc limit 1) e
         where c.lane_id = $1::uuid limit 1`,
        lane.id,
        changeId,
      )
    await expect(write(null, 'c.policy')).rejects.toThrow(/second_admin_needed/)
    await expect(write(change, 'c.policy')).rejects.toThrow(/second_admin_needed/)
    await house.api.lanes.confirm(second, name, change)
    await expect(write(change, `'{}'`)).rejects.toThrow(/second_admin_needed/)
    await expect(write(change, 'c.policy')).rejects.toThrow(/change_id|23505/)
    await expect(
      house.api.prisma.$executeRawUnsafe('update lane set deleted_at = now() where id = $1::uuid', lane.id),
    ).rejects.toThrow(/second_admin_needed/)
  })
})
