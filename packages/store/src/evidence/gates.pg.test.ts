import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../index.ts'
import { type House, openHouse, type Scene, setScene } from '../promotion/test-scene.ts'

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

describe('tickets', () => {
  const gates = { ticket: { keys: ['jira'] } }
  const said = (state: string, minutes: number, key = 'jira') => ({
    ticket: 'C-1',
    state,
    at: new Date(Date.now() - minutes * 60_000),
    key,
  })

  test('a request waits for its ticket; an approval that would queue it is refused until then', async () => {
    const scene = await setScene(house, { gates })
    await scene.push('app', ['1.0.0'])
    const { request } = await scene.request('app:1.0.0')
    const approve = () => house.api.requests.approve(scene.anna, request.id, { digest: request.digest! })
    await expect(approve()).rejects.toMatchObject({ code: 'gate_refused' })
    await house.api.evidence.ticket(request.id, said('open', 2))
    await expect(approve()).rejects.toMatchObject({ code: 'gate_refused' })
    const approved = said('approved', 1)
    await house.api.evidence.ticket(request.id, approved)
    await house.api.evidence.ticket(request.id, approved)
    // An older word that arrives late changes nothing.
    await house.api.evidence.ticket(request.id, said('open', 3))
    expect((await approve()).promotion?.state).toBe('QUEUED')
    expect(
      (await scene.entries(`request:${request.id}`)).filter((type) => type === 'ticket.reported'),
    ).toHaveLength(3)
    expect(await house.api.evidence.ticketKeys(request.id)).toEqual({ laneId: scene.laneId, keys: ['jira'] })
  })

  test('a ticket that is taken back after the approval fails the promotion', async () => {
    const scene = await setScene(house, { gates })
    await scene.push('app', ['1.0.0'])
    const { request } = await scene.request('app:1.0.0')
    await house.api.evidence.ticket(request.id, said('approved', 2))
    const view = await house.api.requests.approve(scene.anna, request.id, { digest: request.digest! })
    await house.api.evidence.ticket(request.id, said('rejected', 1))
    const begun = await house.worker.runs.begin({
      promotionId: view.promotion!.id,
      attempt: 1,
      worker: 'w',
      leaseMs: 60_000,
    })
    expect(begun).toEqual({ state: 'ended', promotionState: 'FAILED' })
    await expect(house.api.evidence.ticket(newId(), said('approved', 1))).rejects.toMatchObject({
      code: 'not_found',
    })
    await expect(house.api.evidence.ticket(request.id, said('approved', -60))).rejects.toMatchObject({
      code: 'invalid',
    })
    await house.api.requests.create(scene.rita, { lane: scene.lane, items: [{ image: 'app:1.0.0' }] })
  })

  test('nothing is said of a request that has ended', async () => {
    const scene = await setScene(house, { gates })
    await scene.push('app', ['1.0.0'])
    const { request } = await scene.request('app:1.0.0')
    await house.api.requests.cancel(scene.rita, request.id)
    await expect(house.api.evidence.ticket(request.id, said('approved', 1))).rejects.toMatchObject({
      code: 'request_state',
    })
  })
})

test('a promotion that is approved in a freeze waits for its end', async () => {
  const day = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)
  const freezes = [{ name: 'audit', from: day(-1), to: day(1) }]
  const scene = await setScene(house, {
    gates: { window: { zone: 'UTC', freezes } },
    requestExpiresAfter: { hours: 100 },
  })
  await scene.push('app', ['1.0.0'])
  const { promotionId } = await scene.approved()
  const begun = await house.worker.runs.begin({ promotionId, attempt: 1, worker: 'w', leaseMs: 60_000 })
  expect(begun).toMatchObject({ state: 'skip', why: expect.stringContaining('audit') })
  const [row] = await scene.sql<{ at: Date; state: string }>(
    'select not_before as at, state from promotion where id = $1',
    [promotionId],
  )
  expect(row).toEqual({ at: new Date(`${day(2)}T00:00:00Z`), state: 'QUEUED' })
})

test('what comes before: the very digest must have been promoted there', async () => {
  const scene = await setScene(house)
  const digest = await scene.push('app', ['1.0.0'])
  const other = await setScene(house)
  const lane = `next-${scene.lane}`
  const made = await house.api.lanes.create(scene.anna, {
    name: lane,
    from: scene.dev.name,
    to: other.trusted.name,
    policy: { gates: { predecessor: { feed: scene.trusted.name } } },
  })
  expect(made.policy.gates.predecessor).toEqual({ feed: scene.trusted.name })
  const ask = () => house.api.requests.create(scene.rita, { lane, items: [{ image: 'app:1.0.0' }] })
  await expect(ask()).rejects.toMatchObject({ code: 'gate_refused' })
  await scene.promote((await scene.approved()).promotionId)
  expect((await ask()).request.digest).toBe(digest)
})

describe('a lane that nobody can satisfy is refused when it is written', () => {
  test('a group too small or missing, and a feed that never was', async () => {
    const scene = await setScene(house)
    const group = `qa-${scene.lane}`
    const id = newId()
    await scene.sql(`insert into principal values ($1, 'group')`, [id])
    await scene.sql('insert into user_group (id, name) values ($1, $2)', [id, group])
    await scene.sql('insert into group_member (group_id, person_id) values ($1, $2)', [
      id,
      scene.anna.principalId,
    ])
    const put = (gates: object) => house.api.lanes.put(scene.rita, scene.lane, { policy: { gates } })
    const code = { code: 'invalid' }
    await expect(put({ quorum: [{ count: 2, group }] })).rejects.toMatchObject(code)
    await expect(put({ quorum: [{ count: 1, group: 'nobody' }] })).rejects.toMatchObject(code)
    await expect(put({ predecessor: { feed: 'never-was' } })).rejects.toMatchObject(code)
    await expect(put({ predecessor: { feed: scene.trusted.name } })).rejects.toMatchObject(code)
    expect((await put({ quorum: [{ count: 1, group }, { count: 1 }] })).version).toBe(2)
  })

  test('the only one who may approve is the only one who may request', async () => {
    const scene = await setScene(house)
    const grant = (...persons: Scene['rita'][]) =>
      house.api.feeds.putGrants(
        scene.rita,
        scene.trusted.id,
        persons.map(({ name }) => ({ principal: name, verbs: ['request', 'approve', 'admin'] })),
      )
    const put = (hours: number) =>
      house.api.lanes.put(scene.rita, scene.lane, { policy: { requestExpiresAfter: { hours } } })
    await grant(scene.rita)
    await expect(put(2)).rejects.toMatchObject({ code: 'invalid' })
    await grant(scene.rita, scene.anna)
    expect((await put(2)).version).toBe(2)
  })
})
