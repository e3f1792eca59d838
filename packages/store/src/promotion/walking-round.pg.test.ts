import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Actor } from '../index.ts'
import { type House, openHouse, type Scene, setScene } from './test-scene.ts'

// Every way round the gate that somebody with some rights would try, as far as the store can be asked for it.

let house: House
let admin: Actor
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

/** A person with an account; `by` knows the password. */
async function account(scene: Scene, name: string, by = admin): Promise<Actor> {
  const username = `${name}-${scene.lane}`
  await house.api.accounts.users.create(by, { username, password: 'a password', mustChangePassword: false })
  return signedIn(username, 'a password')
}

async function grant(scene: Scene, principalId: string, verbs: string): Promise<void> {
  await scene.sql('insert into access_grant values ($1, $2, $3)', [scene.trusted.id, principalId, verbs])
}

async function group(scene: Scene, name: string, members: readonly Actor[]): Promise<string> {
  await house.api.accounts.groups.create(admin, { name, members: members.map((member) => member.name) })
  const [row] = await scene.sql<{ id: string }>('select id from user_group where name = $1', [name])
  return row!.id
}

async function waiting(options: Parameters<typeof setScene>[1] = {}) {
  const scene = await setScene(house, options)
  const digest = await scene.push('app', ['1.0.0'])
  return { scene, digest }
}

/** Nobody decided anything, and nothing is queued. */
async function undecided(scene: Scene, id: string): Promise<void> {
  expect(await house.api.requests.get(id)).toMatchObject({ state: 'PENDING', promotion: null })
  expect(await scene.sql('select 1 from approval where request_id = $1', [id])).toEqual([])
}

test('weakening a lane while a request is open: it keeps the version that it was made under', async () => {
  const { scene, digest } = await waiting({ gates: { quorum: [{ count: 2 }] } })
  const { request } = await scene.request('app:1.0.0')
  const weak = await house.api.lanes.put(scene.rita, scene.lane, { policy: {} })
  expect(weak.version).toBe(2)
  const once = await house.api.requests.approve(scene.anna, request.id, { digest })
  expect(once).toMatchObject({ state: 'PENDING', lane: { version: 1 }, promotion: null })
  const [row] = await scene.sql<{ met: boolean }>('select request_quorum_met($1) as met', [request.id])
  expect(row?.met).toBe(false)
  const twice = await house.api.requests.approve(scene.otto, request.id, { digest })
  expect(twice.state).toBe('APPROVED')
})

test('a robot approves nothing, whatever it was granted', async () => {
  const { scene, digest } = await waiting()
  await grant(scene, scene.robot.principalId, '{approve}')
  const { request } = await scene.request('app:1.0.0')
  await expect(house.api.requests.approve(scene.robot, request.id, { digest })).rejects.toThrow(
    refused('robot_cannot_approve'),
  )
  await undecided(scene, request.id)
})

test('the owner of the token that requested does not approve, and neither does the owner of a robot', async () => {
  const { scene, digest } = await waiting()
  const olga = await account(scene, 'olga')
  await grant(scene, olga.principalId, '{request,approve}')
  for (const robot of [undefined, `bot-${scene.lane}`]) {
    const made = await house.api.accounts.tokens.create(olga, {
      name: 'ci',
      scopes: ['*'],
      ...(robot !== undefined && { robot }),
    })
    const token = await house.api.accounts.byToken(made.secret)
    const { request } = await scene.request('app:1.0.0', { actor: token!, targetTags: [robot ?? 'own'] })
    await expect(house.api.requests.approve(olga, request.id, { digest })).rejects.toThrow(
      refused('self_approval'),
    )
    await undecided(scene, request.id)
  }
})

test('an administrator does not approve through a person whose password he set, until that one changed it', async () => {
  const { scene, digest } = await waiting()
  const bert = await account(scene, 'bert')
  await grant(scene, bert.principalId, '{approve}')
  await grant(scene, admin.principalId, '{request}')
  const { request } = await scene.request('app:1.0.0', { actor: admin })
  await expect(house.api.requests.approve(bert, request.id, { digest })).rejects.toThrow(
    refused('password_known_to_requester'),
  )
  await undecided(scene, request.id)
  await house.api.accounts.changePassword(bert, { current: 'a password', next: 'another password' })
  const again = await signedIn(bert.name, 'another password')
  expect((await house.api.requests.approve(again, request.id, { digest })).state).toBe('APPROVED')
  expect(await scene.entries(`person:${bert.principalId}`)).toContain('approval.given')
})

test('setting the password again after it was changed closes that way again', async () => {
  const { scene, digest } = await waiting()
  const bert = await account(scene, 'bert')
  await grant(scene, bert.principalId, '{approve}')
  await house.api.accounts.changePassword(bert, { current: 'a password', next: 'another password' })
  await house.api.accounts.users.patch(admin, bert.name, { password: 'mine now', mustChangePassword: false })
  const { request } = await scene.request('app:1.0.0', { actor: admin })
  const taken = await signedIn(bert.name, 'mine now')
  await expect(house.api.requests.approve(taken, request.id, { digest })).rejects.toThrow(
    refused('password_known_to_requester'),
  )
})

test('nor through one whose password he set while the request was open, changed or not', async () => {
  const { scene, digest } = await waiting()
  const bert = await account(scene, 'bert')
  await grant(scene, bert.principalId, '{approve}')
  await grant(scene, admin.principalId, '{request}')
  await house.api.accounts.changePassword(bert, { current: 'a password', next: 'another password' })
  const { request } = await scene.request('app:1.0.0', { actor: admin })
  await house.api.accounts.users.patch(admin, bert.name, { password: 'mine now', mustChangePassword: false })
  const taken = await signedIn(bert.name, 'mine now')
  await house.api.accounts.changePassword(taken, { current: 'mine now', next: 'still mine' })
  const hidden = await signedIn(bert.name, 'still mine')
  await expect(house.api.requests.approve(hidden, request.id, { digest })).rejects.toThrow(
    refused('password_known_to_requester'),
  )
  // The api's role does not forget it either.
  await house.api.prisma.$executeRawUnsafe(
    'update credential set given_by = null, given_at = null where person_id = $1::uuid',
    bert.principalId,
  )
  await expect(house.api.requests.approve(hidden, request.id, { digest })).rejects.toThrow(
    refused('password_known_to_requester'),
  )
  await undecided(scene, request.id)
  // A rejection stands, and what somebody else asks for is that one's to approve.
  const { request: other } = await scene.request('app:1.0.0', { targetTags: ['other'] })
  expect((await house.api.requests.approve(hidden, other.id, { digest })).state).toBe('APPROVED')
  const rejected = await house.api.requests.reject(hidden, request.id, { digest, comment: 'no' })
  expect(rejected.state).toBe('REJECTED')
})

test('a second identity of the same person counts for nothing more', async () => {
  const { scene, digest } = await waiting({ gates: { quorum: [{ count: 2 }] } })
  for (const { principalId, name } of [scene.anna, scene.rita]) {
    await scene.sql(
      `insert into identity (id, person_id, issuer, subject) values (gen_random_uuid(), $1, 'https://login', $2)`,
      [principalId, name],
    )
  }
  const { request } = await scene.request('app:1.0.0')
  await house.api.requests.approve(scene.anna, request.id, { digest })
  // What signs in by another issuer is the same person, under another name and token.
  const [anna, rita] = [scene.anna, scene.rita].map((one) => ({ ...one, name: `${one.name}@login` }))
  await expect(house.api.requests.approve(anna!, request.id, { digest })).rejects.toThrow(
    refused('already_decided'),
  )
  await expect(house.api.requests.approve(rita!, request.id, { digest })).rejects.toThrow(
    refused('self_approval'),
  )
  expect(await house.api.requests.get(request.id)).toMatchObject({ state: 'PENDING', promotion: null })
})

test('no feed takes the name of another, not even a former or a deleted one', async () => {
  const { scene } = await waiting()
  const { feeds } = house.api
  const renamed = `renamed-${scene.lane}`
  await feeds.patch(admin, scene.trusted.name, { name: renamed })
  await expect(feeds.patch(admin, scene.dev.name, { name: scene.trusted.name })).rejects.toThrow(
    refused('name_taken'),
  )
  const gone = `gone-${scene.lane}`
  await feeds.create(admin, { name: gone, stage: 'x', trusted: true })
  await feeds.remove(admin, gone)
  for (const name of [scene.trusted.name, renamed, gone]) {
    await expect(feeds.create(admin, { name, stage: 'x', trusted: false })).rejects.toThrow(
      refused('name_taken'),
    )
  }
  expect((await house.api.feedIndex.findFeed(scene.trusted.name))?.id).toBe(scene.trusted.id)
})

test('trusted is not switched off, pushed to and switched on again', async () => {
  const { scene } = await waiting()
  await scene.promote((await scene.approved()).promotionId)
  for (const [name, trusted] of [
    [scene.trusted.name, false],
    [scene.dev.name, true],
  ] as const) {
    await expect(house.api.feeds.patch(admin, name, { trusted })).rejects.toThrow(refused('trusted_fixed'))
  }
  expect(await scene.sql('select trusted from feed where id = $1', [scene.trusted.id])).toEqual([
    { trusted: true },
  ])
})

describe('a group changed after the request', () => {
  test('fills no seat of its quorum', async () => {
    const scene = await setScene(house)
    const [quin, late] = [await account(scene, 'quin'), await account(scene, 'late')]
    const qa = `qa-${scene.lane}`
    await group(scene, qa, [quin])
    for (const { principalId } of [quin, late]) await grant(scene, principalId, '{approve}')
    await house.api.lanes.put(scene.rita, scene.lane, {
      policy: { gates: { quorum: [{ count: 1, group: qa }] } },
    })
    const digest = await scene.push('app', ['1.0.0'])
    const { request } = await scene.request('app:1.0.0')
    await house.api.accounts.groups.patch(admin, qa, { members: [quin.name, late.name] })
    expect(await house.api.requests.approve(late, request.id, { digest })).toMatchObject({
      state: 'PENDING',
      promotion: null,
    })
    const [row] = await scene.sql<{ met: boolean }>('select request_quorum_met($1) as met', [request.id])
    expect(row?.met).toBe(false)
    // Who was there before stays counted, although the list was written anew.
    expect((await house.api.requests.approve(quin, request.id, { digest })).state).toBe('APPROVED')
  })

  test('who left it before the start no longer counts', async () => {
    const scene = await setScene(house)
    const quin = await account(scene, 'quin')
    const qa = `qa-${scene.lane}`
    await group(scene, qa, [quin])
    await grant(scene, quin.principalId, '{approve}')
    await house.api.lanes.put(scene.rita, scene.lane, {
      policy: { gates: { quorum: [{ count: 1, group: qa }] } },
    })
    const digest = await scene.push('app', ['1.0.0'])
    const { request } = await scene.request('app:1.0.0')
    const { promotion } = await house.api.requests.approve(quin, request.id, { digest })
    await house.api.accounts.groups.patch(admin, qa, { members: [] })
    const begun = await house.worker.runs.begin({
      promotionId: promotion!.id,
      attempt: 1,
      worker: 'w',
      leaseMs: 1000,
    })
    expect(begun).toEqual({ state: 'ended', promotionState: 'FAILED' })
    expect(await scene.landed('app', '1.0.0')).toBeNull()
  })

  test('gives nobody the right to approve it', async () => {
    const scene = await setScene(house)
    const late = await account(scene, 'late')
    const approvers = `approvers-${scene.lane}`
    await grant(scene, await group(scene, approvers, []), '{approve}')
    const digest = await scene.push('app', ['1.0.0'])
    const { request } = await scene.request('app:1.0.0')
    await house.api.accounts.groups.patch(admin, approvers, { members: [late.name] })
    await expect(house.api.requests.approve(late, request.id, { digest })).rejects.toThrow(
      refused('approve_not_granted'),
    )
    await undecided(scene, request.id)
    const { request: next } = await scene.request('app:1.0.0', { targetTags: ['next'] })
    expect((await house.api.requests.approve(late, next.id, { digest })).state).toBe('APPROVED')
  })
})

test('nobody takes the name of a robot that a lane believes: a lane names only those that are there', async () => {
  const { scene } = await waiting()
  const name = `scanner-${scene.lane}`
  const tests = (source: string) => ({ policy: { gates: { tests: [{ from: [source] }] } } })
  for (const source of [`robot:${name}`, `user:${name}`]) {
    await expect(house.api.lanes.put(scene.rita, scene.lane, tests(source))).rejects.toMatchObject({
      code: 'invalid',
      field: 'policy.gates.tests[0].from[0]',
    })
  }
  const mallory = await account(scene, 'mallory')
  await house.api.accounts.tokens.create(admin, { name: 'ci', scopes: ['*'], robot: name })
  expect((await house.api.lanes.put(scene.rita, scene.lane, tests(`robot:${name}`))).version).toBe(2)
  await expect(
    house.api.accounts.tokens.create(mallory, { name: 'mine', scopes: ['*'], robot: name }),
  ).rejects.toThrow(refused('denied'))
  // A user that was removed keeps the name, so that nobody else vouches by it.
  await house.api.accounts.users.remove(admin, mallory.name)
  await expect(account(scene, 'mallory')).rejects.toThrow(refused('name_taken'))
})

test('rolling back and restoring ask no evidence, and so let in nothing that was not let in before', async () => {
  const { scene, digest } = await waiting()
  const [repository] = await scene.sql<{ id: string }>(
    `select r.id from repository r where r.feed_id = $1 and r.name = 'app'`,
    [scene.dev.id],
  )
  expect(repository).toBeDefined()
  for (const kind of ['rollback', 'restore'] as const) {
    const image = `app@${digest}`
    const item = kind === 'rollback' ? { image, targetTags: ['stable'] } : { image }
    await expect(
      house.api.requests.create(scene.rita, { lane: scene.lane, kind, items: [item], reason: 'why not' }),
    ).rejects.toMatchObject({ name: 'StoreError' })
  }
  expect(await scene.sql('select 1 from request where lane_id = $1', [scene.laneId])).toEqual([])
})

test('an approval is not replayed onto another request, not even of the same image', async () => {
  const { scene, digest } = await waiting()
  const [first, second] = [
    await scene.request('app:1.0.0', { targetTags: ['one'] }),
    await scene.request('app:1.0.0', { targetTags: ['two'] }),
  ]
  await house.api.requests.approve(scene.anna, first.request.id, { digest })
  const replay = (bound: string) =>
    house.api.prisma.$executeRawUnsafe(
      `insert into approval (id, request_id, person_id, decision, bound_hash, entry_id)
       select gen_random_uuid(), $1::uuid, person_id, 'approve', ${bound}, a.entry_id
       from approval a where a.request_id = $2::uuid`,
      second.request.id,
      first.request.id,
    )
  await expect(replay('a.bound_hash')).rejects.toThrow(/binding_mismatch/)
  await expect(replay('(select bound_hash from request where id = $1::uuid)')).rejects.toThrow(
    /entry|unique/i,
  )
  await undecided(scene, second.request.id)
})
