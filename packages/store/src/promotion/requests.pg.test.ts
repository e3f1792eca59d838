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
  expect(new Set(held)).toEqual(new Set(known))
})
