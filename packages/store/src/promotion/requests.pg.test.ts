import { PROMOTION_TRANSITIONS, REQUEST_TRANSITIONS } from '@sluice/promotion'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type House, openHouse, setScene } from './test-scene.ts'

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

const refused = (code: string) => expect.objectContaining({ name: 'StoreError', code })

describe('making a request', () => {
  test('fixes digest, closure, target and gates, and says so in one entry', async () => {
    const scene = await setScene(house)
    const digest = await scene.push('team/app', ['1.0.0'])
    const { request, created } = await scene.request('team/app:1.0.0')
    expect(created).toBe(true)
    expect(request).toMatchObject({
      state: 'PENDING',
      lane: { name: scene.lane, version: 1, from: scene.dev.name, to: scene.trusted.name },
      requester: scene.rita.name,
      digest,
      closure: { manifests: 1, blobs: 2 },
      platforms: [],
      source: { feed: scene.dev.name, repository: 'team/app', tag: '1.0.0' },
      target: { feed: scene.trusted.name, repository: 'team/app', tags: [{ tag: '1.0.0', expected: null }] },
      drift: null,
      approvals: [],
      promotion: null,
    })
    expect(request.items).toHaveLength(1)
    expect(request.gates.map(({ gate, verdict }) => `${gate} ${verdict}`)).toEqual([
      'quorum wait',
      'requester pass',
    ])
    expect(await scene.entries(`request:${request.id}`)).toEqual(['request.created'])
    expect(await scene.entries(`digest:${digest}`)).toEqual(['request.created'])
  })

  test('an index brings its children and says its platforms', async () => {
    const scene = await setScene(house)
    await scene.push('app', ['1.0.0'], { index: true })
    const { request } = await scene.request('app:1.0.0')
    expect(request).toMatchObject({
      closure: { manifests: 3, blobs: 4 },
      platforms: ['linux/amd64', 'linux/arm64'],
    })
  })

  test('the bound hash is what Postgres computes, for any set', async () => {
    const scene = await setScene(house)
    await scene.push('app', ['1', 'live'], { index: true })
    await scene.push('other/thing', ['1'])
    await scene.promote((await scene.approved('app:live')).promotionId)
    const tag = fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,6}$/)
    const item = fc.record({
      image: fc.constantFrom('app:1', 'other/thing:1'),
      targetRepository: fc.constantFrom('app', 'a', 'a/b', 'z'),
      targetTags: fc.uniqueArray(fc.oneof(tag, fc.constant('live')), { minLength: 1, maxLength: 5 }),
    })
    const apart = (one: { targetRepository: string }) => one.targetRepository
    const sets = fc.sample(fc.uniqueArray(item, { selector: apart, minLength: 1, maxLength: 4 }), 20)
    for (const items of sets) {
      const { request } = await house.api.requests.create(scene.rita, { lane: scene.lane, items })
      const rows = await scene.sql(
        `select r.set_digest = b.set_digest and r.bound_hash = b.bound_hash as same
         from request r, request_binding(r.id) b where r.id = $1`,
        [request.id],
      )
      expect(rows).toEqual([{ same: true }])
    }
  })

  test.each([
    ['an unknown lane', { lane: 'nowhere', image: 'app:1.0.0' }, 'lane_unknown', 'lane'],
    ['an unknown repository', { image: 'nothing:1.0.0' }, 'tag_unknown', 'items[0].image'],
    ['an unknown tag', { image: 'app:9.9.9' }, 'tag_unknown', 'items[0].image'],
    [
      'an unknown digest',
      { image: `app@sha256:${'0'.repeat(64)}`, targetTags: ['x'] },
      'digest_unknown',
      'items[0].image',
    ],
    [
      'a digest without target tags',
      { image: `app@sha256:${'0'.repeat(64)}` },
      'invalid',
      'items[0].targetTags',
    ],
    [
      'a tag that is another digest',
      { image: `app:1.0.0@sha256:${'0'.repeat(64)}` },
      'digest_mismatch',
      'items[0].image',
    ],
    ['foreign layers', { image: 'app:foreign' }, 'foreign_layers', undefined],
    ['what a gate blocks', { image: 'app:1.0.0', targetTags: ['latest'] }, 'gate_refused', undefined],
  ])(
    '%s is refused',
    async (_, { lane, ...item }: { lane?: string; image: string; targetTags?: string[] }, code, field) => {
      const scene = await setScene(house, { gates: { tagRule: { patterns: ['release', 'x', 'foreign'] } } })
      await scene.push('app', ['1.0.0'])
      await scene.push('app', ['foreign'], { foreign: true })
      await expect(
        house.api.requests.create(scene.rita, { lane: lane ?? scene.lane, items: [item] }),
      ).rejects.toMatchObject({ code, field })
      expect(await scene.sql('select 1 from request where lane_id = $1', [scene.laneId])).toEqual([])
    },
  )

  test('a missing blob is refused, by name', async () => {
    const scene = await setScene(house)
    const digest = await scene.push('app', ['1.0.0'])
    const [layer] = await scene.sql<{ child_digest: string }>(
      `select child_digest from manifest_edge where parent_digest = $1 and kind = 'layer'`,
      [digest],
    )
    await scene.sql('update blob set quarantined_at = now() where digest = $1', [layer?.child_digest])
    await expect(scene.request('app:1.0.0')).rejects.toMatchObject({
      code: 'closure_incomplete',
      message: expect.stringContaining(layer?.child_digest ?? 'a layer'),
    })
  })

  test('a child that was deleted is missed, by name', async () => {
    const scene = await setScene(house)
    const digest = await scene.push('app', ['1.0.0'], { index: true })
    const [child] = await scene.sql<{ child_digest: string }>(
      'select child_digest from manifest_edge where parent_digest = $1',
      [digest],
    )
    const address = { feed: scene.dev, repository: 'app' }
    await house.api.feedIndex.deleteManifest(address, child?.child_digest ?? '', scene.rita.principalId)
    await expect(scene.request('app:1.0.0')).rejects.toMatchObject({
      code: 'closure_incomplete',
      message: expect.stringContaining(child?.child_digest ?? 'a child'),
    })
  })

  test('an immutable tag on another digest is refused naming both; on the same digest it is fine', async () => {
    const scene = await setScene(house)
    const first = await scene.push('app', ['1.0.0'])
    await scene.promote((await scene.approved()).promotionId)
    expect((await scene.request('app:1.0.0')).request.target?.tags).toEqual([
      { tag: '1.0.0', expected: first },
    ])
    const second = await scene.push('app', ['1.0.0'])
    await expect(scene.request('app:1.0.0')).rejects.toMatchObject({
      code: 'tag_exists',
      detail: { current: first, asked: second },
    })
  })

  test('evaluate says every gate and writes nothing', async () => {
    const scene = await setScene(house, { gates: { tagRule: { patterns: ['v*'] } } })
    const digest = await scene.push('app', ['1.0.0'])
    const { gates, items } = await house.api.requests.evaluate(scene.rita, {
      lane: scene.lane,
      items: [{ image: 'app:1.0.0' }],
    })
    expect(gates.map(({ gate, verdict }) => `${gate} ${verdict}`)).toEqual([
      'quorum wait',
      'requester pass',
      'tagRule block',
    ])
    expect(items).toMatchObject([{ digest, closure: { manifests: 1, blobs: 2 } }])
    expect(await scene.sql('select 1 from request where lane_id = $1', [scene.laneId])).toEqual([])
  })
})

describe('asking twice', () => {
  test('the same at once by many is one request', async () => {
    const scene = await setScene(house)
    await scene.push('app', ['1.0.0'])
    const answers = await Promise.all(Array.from({ length: 6 }, () => scene.request('app:1.0.0')))
    expect(new Set(answers.map(({ request }) => request.id)).size).toBe(1)
    expect(answers.filter(({ created }) => created)).toHaveLength(1)
  })

  test('another requester, and a robot of the same person, make their own', async () => {
    const scene = await setScene(house)
    await scene.push('app', ['1.0.0'])
    const ids = []
    for (const actor of [scene.rita, scene.anna, scene.robot])
      ids.push((await scene.request('app:1.0.0', { actor })).request.id)
    expect(new Set(ids).size).toBe(3)
  })

  test('a robot answerable to another person too does not share the request', async () => {
    const scene = await setScene(house)
    await scene.push('app', ['1.0.0'])
    const one = await scene.request('app:1.0.0', { actor: scene.robot })
    const actor = { ...scene.robot, answerable: [scene.otto.principalId] }
    expect((await scene.request('app:1.0.0', { actor })).request.id).not.toBe(one.request.id)
  })

  test('a request that is over is not answered again', async () => {
    const scene = await setScene(house)
    await scene.push('app', ['1.0.0'])
    const { request } = await scene.request('app:1.0.0')
    await house.api.requests.cancel(scene.rita, request.id)
    expect((await scene.request('app:1.0.0')).created).toBe(true)
  })

  test('an idempotency key: same body same request, other body refused, others keep their own', async () => {
    const scene = await setScene(house)
    await scene.push('app', ['1.0.0', '1.0.1'])
    const idempotencyKey = 'build-7'
    const answers = await Promise.all([1, 2, 3].map(() => scene.request('app:1.0.0', { idempotencyKey })))
    expect(new Set(answers.map(({ request }) => request.id)).size).toBe(1)
    await expect(scene.request('app:1.0.1', { idempotencyKey })).rejects.toThrow(
      refused('idempotency_mismatch'),
    )
    expect((await scene.request('app:1.0.1', { idempotencyKey, actor: scene.anna })).created).toBe(true)
    // The key answers with its request whatever happened to the source since.
    await scene.push('app', ['1.0.0'])
    const again = await scene.request('app:1.0.0', { idempotencyKey })
    expect(again).toMatchObject({ created: false, request: { id: answers[0]?.request.id } })
    await scene.sql(`update idempotency_key set created_at = now() - interval '25 hours' where key = $1`, [
      idempotencyKey,
    ])
    expect((await scene.request('app:1.0.1', { idempotencyKey })).created).toBe(true)
  })
})

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

test.each([
  ['guard_request', REQUEST_TRANSITIONS],
  ['guard_promotion', PROMOTION_TRANSITIONS],
])('the moves that %s lets through are those of the table', async (guard, transitions) => {
  const { rows } = await house.admin.query(`select prosrc from pg_proc where proname = $1`, [guard])
  const moves = /\(old\.state, new\.state\) in \(([^;]*)\) then/.exec(rows[0].prosrc)?.[1] ?? ''
  const held = [...moves.matchAll(/\('([A-Z]+)', '([A-Z]+)'\)/g)].map(([, from, to]) => `${from} ${to}`)
  const known = Object.entries(transitions).flatMap(([from, to]) =>
    to.map((next: string) => `${from} ${next}`),
  )
  expect(held.sort()).toEqual(known.sort())
})
