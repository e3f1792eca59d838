import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type House, openHouse, setScene } from './test-scene.ts'

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

const refused = (code: string) => expect.objectContaining({ name: 'StoreError', code })

describe('deciding', () => {
  test('approve: APPROVED, a QUEUED promotion and the entries come together', async () => {
    const scene = await setScene(house)
    await scene.push('app', ['1.0.0'])
    const { id, promotionId } = await scene.approved()
    const view = await house.api.requests.get(id)
    expect(view).toMatchObject({
      state: 'APPROVED',
      approvals: [{ person: scene.anna.name, decision: 'approve', revokedAt: null }],
      promotion: {
        id: promotionId,
        state: 'QUEUED',
        attempt: 1,
        progress: { bytes: 0, blobs: 0, totalBlobs: 2 },
      },
    })
    expect(view?.gates.map(({ verdict }) => verdict)).toEqual(['pass', 'pass'])
    expect(await scene.entries(`request:${id}`)).toEqual([
      'request.created',
      'approval.given',
      'request.approved',
    ])
  })

  test('invariant 5: two persons are needed, and one person counts once', async () => {
    const scene = await setScene(house, { gates: { quorum: [{ count: 2 }] } })
    const digest = await scene.push('app', ['1.0.0'])
    const { request } = await scene.request('app:1.0.0')
    const first = await house.api.requests.approve(scene.anna, request.id, { digest })
    expect(first).toMatchObject({ state: 'PENDING', promotion: null })
    await expect(house.api.requests.approve(scene.anna, request.id, { digest })).rejects.toThrow(
      refused('already_decided'),
    )
    const second = await house.api.requests.approve(scene.otto, request.id, { digest })
    expect(second).toMatchObject({ state: 'APPROVED', promotion: { state: 'QUEUED' } })
  })

  test('invariant 5: approvals at once queue one promotion', async () => {
    const scene = await setScene(house)
    const digest = await scene.push('app', ['1.0.0'])
    const { request } = await scene.request('app:1.0.0')
    const both = await Promise.allSettled(
      [scene.anna, scene.otto].map((actor) => house.api.requests.approve(actor, request.id, { digest })),
    )
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(await scene.sql('select 1 from promotion where request_id = $1', [request.id])).toHaveLength(1)
  })

  test('invariant 5: neither the requester, nor the owner of the requesting robot, nor a robot approves', async () => {
    const scene = await setScene(house)
    const digest = await scene.push('app', ['1.0.0'])
    const own = (await scene.request('app:1.0.0')).request.id
    const byRobot = (await scene.request('app:1.0.0', { actor: scene.robot })).request.id
    const { approve } = house.api.requests
    await expect(approve(scene.rita, own, { digest })).rejects.toThrow(refused('self_approval'))
    await expect(approve({ ...scene.rita, roles: ['admin'] }, own, { digest })).rejects.toThrow(
      refused('self_approval'),
    )
    await expect(approve(scene.rita, byRobot, { digest })).rejects.toThrow(refused('self_approval'))
    await expect(approve(scene.robot, own, { digest })).rejects.toThrow(refused('robot_cannot_approve'))
    expect(await scene.sql('select 1 from approval where request_id = any ($1)', [[own, byRobot]])).toEqual(
      [],
    )
  })

  test('invariant 5: a pusher is excluded where the lane says so, also after the push was taken back', async () => {
    const scene = await setScene(house, { gates: { pusher: 'excluded' } })
    const digest = await scene.push('app', ['1.0.0'], { by: scene.anna })
    const { request } = await scene.request('app:1.0.0')
    await scene.sql('update repository_manifest set pushed_by = $1 where digest = $2', [
      scene.rita.principalId,
      digest,
    ])
    await expect(house.api.requests.approve(scene.anna, request.id, { digest })).rejects.toThrow(
      refused('self_approval'),
    )
    expect((await house.api.requests.approve(scene.otto, request.id, { digest })).state).toBe('APPROVED')
  })

  test('a group rule counts members only', async () => {
    const scene = await setScene(house, { gates: { quorum: [{ count: 1, group: 'qa-only' }] } })
    const digest = await scene.push('app', ['1.0.0'])
    const group = crypto.randomUUID()
    await scene.sql(`insert into principal values ($1, 'group')`, [group])
    await scene.sql(`insert into user_group (id, name) values ($1, 'qa-only')`, [group])
    await scene.sql('insert into group_member values ($1, $2)', [group, scene.otto.principalId])
    const { request } = await scene.request('app:1.0.0')
    expect((await house.api.requests.approve(scene.anna, request.id, { digest })).state).toBe('PENDING')
    expect((await house.api.requests.approve(scene.otto, request.id, { digest })).state).toBe('APPROVED')
  })

  test('Postgres refuses who holds no approve grant', async () => {
    const scene = await setScene(house)
    const digest = await scene.push('app', ['1.0.0'])
    const { request } = await scene.request('app:1.0.0')
    await scene.sql('delete from access_grant where principal_id = $1', [scene.anna.principalId])
    await expect(house.api.requests.approve(scene.anna, request.id, { digest })).rejects.toThrow(
      refused('approve_not_granted'),
    )
  })

  test('another digest is refused naming both; a set is decided by its set digest', async () => {
    const scene = await setScene(house)
    const digest = await scene.push('app', ['1.0.0', '1.0.1'])
    const { request } = await scene.request('app:1.0.0')
    const other = `sha256:${'0'.repeat(64)}`
    await expect(house.api.requests.approve(scene.anna, request.id, { digest: other })).rejects.toMatchObject(
      {
        code: 'digest_mismatch',
        detail: { pinned: digest, given: other },
      },
    )
    const { request: set } = await house.api.requests.create(scene.rita, {
      lane: scene.lane,
      items: [{ image: 'app:1.0.0' }, { image: 'app:1.0.1' }],
    })
    expect(set).not.toHaveProperty('digest')
    await expect(house.api.requests.approve(scene.anna, set.id, { digest })).rejects.toThrow(
      refused('digest_mismatch'),
    )
    expect((await house.api.requests.approve(scene.anna, set.id, { digest: set.setDigest })).state).toBe(
      'APPROVED',
    )
  })

  test('a rejection needs a comment and ends the request', async () => {
    const scene = await setScene(house)
    const digest = await scene.push('app', ['1.0.0'])
    const { request } = await scene.request('app:1.0.0')
    await expect(house.api.requests.reject(scene.anna, request.id, { digest })).rejects.toMatchObject({
      code: 'invalid',
      field: 'comment',
    })
    const view = await house.api.requests.reject(scene.anna, request.id, { digest, comment: 'not tested' })
    expect(view).toMatchObject({
      state: 'REJECTED',
      promotion: null,
      approvals: [{ decision: 'reject', comment: 'not tested' }],
    })
    await expect(house.api.requests.approve(scene.otto, request.id, { digest })).rejects.toThrow(
      refused('request_state'),
    )
  })

  test('an expired request takes no decision', async () => {
    const scene = await setScene(house)
    const digest = await scene.push('app', ['1.0.0'])
    const { request } = await scene.request('app:1.0.0')
    await scene.unguarded(
      'request',
      `update request set expires_at = now() - interval '1 second' where id = $1`,
      [request.id],
    )
    await expect(house.api.requests.approve(scene.anna, request.id, { digest })).rejects.toThrow(
      refused('request_expired'),
    )
  })

  test('unknown and malformed ids are not found', async () => {
    const scene = await setScene(house)
    for (const id of [crypto.randomUUID(), 'x', "' or 1=1"]) {
      expect(await house.api.requests.get(id)).toBeNull()
      expect(await house.api.requests.scope(id)).toBeNull()
      await expect(house.api.requests.cancel(scene.rita, id)).rejects.toThrow(refused('not_found'))
    }
  })
})
