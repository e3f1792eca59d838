import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type House, nothingLanded, openHouse, setScene } from './test-scene.ts'

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

const refused = (code: string) => expect.objectContaining({ name: 'StoreError', code })

describe('invariant 10: only the approved digest lands', () => {
  test('whatever happens to the source tag; the drift is shown', async () => {
    const scene = await setScene(house)
    const tested = await scene.push('app', ['1.0.0'])
    const { id, promotionId } = await scene.approved()
    const moved = await scene.push('app', ['1.0.0'])
    expect((await house.api.requests.get(id))?.drift).toMatchObject({
      from: tested,
      to: moved,
      at: expect.any(String),
    })
    await scene.promote(promotionId)
    expect(await scene.landed('app', '1.0.0')).toBe(tested)
    await house.api.feedIndex.deleteTag(
      { feed: scene.dev, repository: 'app' },
      '1.0.0',
      scene.rita.principalId,
    )
    expect((await house.api.requests.get(id))?.drift).toMatchObject({
      from: tested,
      to: null,
      at: expect.any(String),
    })
  })

  test.each([
    [
      'an item',
      'request_item',
      'update request_item set target_repository = $2 where request_id = $1',
      'evil',
    ],
    ['a tag', 'request_target', 'update request_target set tag = $2 where request_id = $1', 'evil'],
    [
      'the closure',
      'closure_member',
      `update closure_member set media_type = $2 where request_id = $1`,
      'evil/type',
    ],
  ])('rows changed behind the approval (%s) invalidate the request', async (_, table, sql, value) => {
    const scene = await setScene(house)
    await scene.push('app', ['1.0.0'])
    const { id, promotionId } = await scene.approved()
    await scene.unguarded(table, sql, [id, value])
    expect(await house.worker.runs.begin({ promotionId, attempt: 1, worker: 'w', leaseMs: 1000 })).toEqual({
      state: 'ended',
      promotionState: 'FAILED',
    })
    expect(await house.api.requests.get(id)).toMatchObject({
      state: 'INVALIDATED',
      promotion: { state: 'FAILED', error: { code: 'binding_mismatch' } },
    })
    expect(await scene.entries(`request:${id}`)).toContain('request.invalidated')
    await nothingLanded(scene)
  })
})

describe('target tags', () => {
  test('of two requests for one tag the second fails: target_moved', async () => {
    const scene = await setScene(house)
    const first = await scene.push('app', ['1.0.0', 'one'])
    await scene.push('app', ['two'])
    const a = await scene.approved('app:one', { targetTags: ['live'] })
    const b = await scene.approved('app:two', { targetTags: ['live'] })
    const late = await scene.approved('app:two', { targetTags: ['live', 'other'] })
    const running = await scene.begin(late.promotionId)
    await scene.stageAll(running)
    await scene.promote(a.promotionId)
    expect(
      await house.worker.runs.begin({ promotionId: b.promotionId, attempt: 1, worker: 'w', leaseMs: 1000 }),
    ).toEqual({ state: 'ended', promotionState: 'FAILED' })
    expect((await house.api.requests.get(b.id))?.promotion?.error?.code).toBe('target_moved')
    await expect(house.worker.runs.commit(running)).rejects.toThrow(refused('target_moved'))
    expect(await scene.landed('app', 'live')).toBe(first)
    expect(await scene.landed('app', 'other')).toBeNull()
  })

  test('a tag that may move moves from where it was, and its history says so', async () => {
    const scene = await setScene(house)
    const first = await scene.push('app', ['live'])
    await scene.promote((await scene.approved('app:live')).promotionId)
    const second = await scene.push('app', ['live'])
    await scene.promote((await scene.approved('app:live')).promotionId)
    expect(await scene.landed('app', 'live')).toBe(second)
    const moves = await scene.sql(
      `select from_digest, to_digest from tag_move m join repository r on r.id = m.repository_id where r.feed_id = $1 order by m.id`,
      [scene.trusted.id],
    )
    expect(moves).toEqual([
      { from_digest: null, to_digest: first },
      { from_digest: first, to_digest: second },
    ])
  })

  test('a release set lands all or none', async () => {
    const scene = await setScene(house)
    const one = await scene.push('one', ['1.0.0'])
    await scene.push('two', ['1.0.0', 'x'])
    const two = await scene.push('two', ['1.0.0'])
    const ask = () =>
      house.api.requests.create(scene.rita, {
        lane: scene.lane,
        items: [{ image: 'one:1.0.0' }, { image: 'two:1.0.0', targetTags: ['live'] }],
      })
    const { request } = await ask()
    const view = await house.api.requests.approve(scene.anna, request.id, { digest: request.setDigest })
    const run = await scene.begin(view.promotion?.id ?? '')
    await scene.stageAll(run)
    await scene.promote((await scene.approved('two:x', { targetTags: ['live'] })).promotionId)
    await expect(house.worker.runs.commit(run)).rejects.toThrow(refused('target_moved'))
    expect(await scene.landed('one', '1.0.0')).toBeNull()
    await house.worker.runs.fail(run, { code: 'target_moved', message: 'live moved' })

    const { request: again } = await ask()
    expect(again.id).not.toBe(request.id)
    const approved = await house.api.requests.approve(scene.anna, again.id, { digest: again.setDigest })
    await scene.promote(approved.promotion?.id ?? '')
    expect([await scene.landed('one', '1.0.0'), await scene.landed('two', 'live')]).toEqual([one, two])
  })
})
