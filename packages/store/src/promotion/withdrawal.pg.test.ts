import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type House, nothingLanded, openHouse, type Scene, setScene } from './test-scene.ts'

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

const refused = (code: string) => expect.objectContaining({ name: 'StoreError', code })
const job = { attempt: 1, worker: 'w', leaseMs: 1000 }
const failed = { state: 'ended', promotionState: 'FAILED' }
const expireSql = `update request set expires_at = now() - interval '1 second' where id = $1`

describe('invariant 8: revoked, expired or cancelled approvals never execute', () => {
  const stops: [string, (scene: Scene, id: string) => Promise<unknown>, string][] = [
    ['revoked', (scene, id) => house.api.requests.revokeApproval(scene.anna, id), 'PENDING'],
    ['cancelled', (scene, id) => house.api.requests.cancel(scene.rita, id), 'CANCELLED'],
  ]
  test.each(stops)('%s while queued', async (_, stop, state) => {
    const scene = await setScene(house)
    await scene.push('app', ['1.0.0'])
    const { id, promotionId } = await scene.approved()
    await stop(scene, id)
    expect(await house.api.requests.get(id)).toMatchObject({ state, promotion: { state: 'CANCELLED' } })
    expect(await house.worker.runs.begin({ promotionId, attempt: 1, worker: 'w', leaseMs: 1000 })).toEqual({
      state: 'ended',
      promotionState: 'CANCELLED',
    })
    await nothingLanded(scene)
  })

  test.each(stops)('%s while it runs, up to the commit', async (_, stop, state) => {
    const scene = await setScene(house)
    await scene.push('app', ['1.0.0'])
    const { id, promotionId } = await scene.approved()
    const run = await scene.begin(promotionId)
    await scene.stageAll(run)
    await stop(scene, id)
    expect(await house.api.requests.get(id)).toMatchObject({ state, promotion: { state: 'CANCELLED' } })
    await expect(house.worker.runs.commit(run)).rejects.toThrow(refused('fenced'))
    await nothingLanded(scene)
    await house.worker.runs.sweep({ now: new Date() })
    expect(await house.worker.runs.staged(run)).toEqual([])
  })

  test.each(stops)('%s after the commit: too late', async (_, stop) => {
    const scene = await setScene(house)
    await scene.push('app', ['1.0.0'])
    const { id, promotionId } = await scene.approved()
    await scene.promote(promotionId)
    await expect(stop(scene, id)).rejects.toThrow(refused('already_committing'))
  })

  test.each(stops)('%s and committed at once: exactly one happens', async (_, stop) => {
    const scene = await setScene(house)
    const digest = await scene.push('app', ['1.0.0'])
    const { id, promotionId } = await scene.approved()
    const run = await scene.begin(promotionId)
    await scene.stageAll(run)
    const [committed, stopped] = await Promise.allSettled([house.worker.runs.commit(run), stop(scene, id)])
    expect([committed.status, stopped.status].sort()).toEqual(['fulfilled', 'rejected'])
    expect(await scene.landed('app', '1.0.0')).toBe(committed.status === 'fulfilled' ? digest : null)
  })

  test('a revoked request can be approved again, by a new promotion', async () => {
    const scene = await setScene(house)
    const digest = await scene.push('app', ['1.0.0'])
    const { id, promotionId } = await scene.approved()
    await house.api.requests.revokeApproval(scene.anna, id)
    await expect(house.api.requests.revokeApproval(scene.anna, id)).rejects.toThrow(refused('not_found'))
    const view = await house.api.requests.approve(scene.anna, id, { digest })
    expect(view.promotion?.id).not.toBe(promotionId)
    await scene.promote(view.promotion?.id ?? '')
    expect(await scene.landed('app', '1.0.0')).toBe(digest)
  })

  test.each<[string, (promotionId: string) => Promise<unknown>]>([
    ['at the start', (promotionId) => house.worker.runs.begin({ promotionId, ...job })],
    ['by the sweep', () => house.worker.runs.sweep({ now: new Date() })],
  ])('expired while queued: ended %s', async (_, end) => {
    const scene = await setScene(house)
    await scene.push('app', ['1.0.0'])
    const { id, promotionId } = await scene.approved()
    await scene.unguarded('request', expireSql, [id])
    await end(promotionId)
    expect(await house.api.requests.get(id)).toMatchObject({
      state: 'EXPIRED',
      promotion: { state: 'FAILED', error: { code: 'request_expired' } },
    })
    expect((await scene.entries(`request:${id}`)).slice(-2)).toEqual(['promotion.failed', 'request.expired'])
    expect(await house.worker.runs.begin({ promotionId, ...job })).toEqual(failed)
    await nothingLanded(scene)
  })

  test('expired while it runs: the commit is refused, and ends both', async () => {
    const scene = await setScene(house)
    await scene.push('app', ['1.0.0'])
    const { id, promotionId } = await scene.approved()
    const run = await scene.begin(promotionId)
    await scene.stageAll(run)
    await scene.unguarded('request', expireSql, [id])
    await house.worker.runs.sweep({ now: new Date() })
    await expect(house.worker.runs.commit(run)).rejects.toThrow(refused('request_expired'))
    await house.worker.runs.fail(run, { code: 'request_expired', message: 'too late' })
    expect(await house.api.requests.get(id)).toMatchObject({
      state: 'EXPIRED',
      promotion: { state: 'FAILED' },
    })
    await nothingLanded(scene)
  })

  test('a pending request expires; one that is done does not', async () => {
    const scene = await setScene(house)
    await scene.push('app', ['1.0.0', '1.0.1'])
    const done = await scene.approved()
    await scene.promote(done.promotionId)
    const { request: pending } = await scene.request('app:1.0.1')
    for (const id of [done.id, pending.id]) await scene.unguarded('request', expireSql, [id])
    await house.worker.runs.sweep({ now: new Date() })
    expect((await house.api.requests.get(done.id))?.state).toBe('APPROVED')
    expect((await house.api.requests.get(pending.id))?.state).toBe('EXPIRED')
    expect(await scene.entries(`request:${pending.id}`)).toEqual(['request.created', 'request.expired'])
  })

  test('an approver who is disabled before the start no longer counts', async () => {
    const scene = await setScene(house)
    await scene.push('app', ['1.0.0'])
    const { id, promotionId } = await scene.approved()
    await scene.sql('update person set disabled_at = now() where id = $1', [scene.anna.principalId])
    expect(
      await house.worker.runs.begin({ promotionId, attempt: 1, worker: 'w', leaseMs: 1000 }),
    ).toMatchObject({ state: 'ended' })
    expect((await house.api.requests.get(id))?.promotion?.error?.code).toBe('quorum_missing')
  })

  test('and one disabled while it runs is refused by admit', async () => {
    const scene = await setScene(house)
    await scene.push('app', ['1.0.0'])
    const { promotionId } = await scene.approved()
    const run = await scene.begin(promotionId)
    await scene.stageAll(run)
    await scene.sql('update person set disabled_at = now() where id = $1', [scene.anna.principalId])
    await expect(house.worker.runs.commit(run)).rejects.toThrow(refused('quorum_missing'))
    await nothingLanded(scene)
  })
})
