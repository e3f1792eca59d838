import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AUTOMATIC_TRIES } from '../index.ts'
import { type House, openHouse, setScene } from './test-scene.ts'

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

const refused = (code: string) => expect.objectContaining({ name: 'StoreError', code })

describe('machinery that breaks', () => {
  test('is tried again with growing pauses, then ERRORED, then a person may retry', async () => {
    const scene = await setScene(house)
    const digest = await scene.push('app', ['1.0.0'])
    const { id, promotionId } = await scene.approved()
    await expect(house.api.requests.retry(scene.rita, id)).rejects.toThrow(refused('promotion_state'))
    const pauses = []
    for (let attempt = 1; attempt <= AUTOMATIC_TRIES; attempt++) {
      const run = await scene.begin(promotionId, attempt)
      const what = await house.worker.runs.broke(run, {
        code: 'storage',
        message: 'gone',
        maxTries: AUTOMATIC_TRIES,
      })
      expect(what).toBe(attempt < AUTOMATIC_TRIES ? 'retry' : 'errored')
      const [row] = await scene.sql<{ pause: number }>(
        `select extract(epoch from not_before - now())::float8 as pause from promotion where id = $1`,
        [promotionId],
      )
      if (what === 'retry') {
        pauses.push(Math.ceil(row?.pause ?? 0))
        await scene.sql('update promotion set not_before = now() where id = $1', [promotionId])
      }
    }
    expect(pauses).toEqual([1, 2, 4, 8])
    expect((await house.api.requests.get(id))?.promotion).toMatchObject({
      state: 'ERRORED',
      error: { code: 'storage' },
    })
    const view = await house.api.requests.retry(scene.rita, id)
    expect(view.promotion).toMatchObject({
      state: 'QUEUED',
      attempt: AUTOMATIC_TRIES + 1,
      error: null,
      finishedAt: null,
    })
    const run = await scene.begin(promotionId, AUTOMATIC_TRIES + 1)
    await scene.stageAll(run)
    await house.worker.runs.commit(run)
    expect(await scene.landed('app', '1.0.0')).toBe(digest)
    expect(await scene.entries(`promotion:${promotionId}`)).toContain('promotion.retried')
  })

  test('a worker that dies again and again ends as ERRORED too', async () => {
    const scene = await setScene(house)
    await scene.push('app', ['1.0.0'])
    const { id, promotionId } = await scene.approved()
    for (let attempt = 1; attempt <= AUTOMATIC_TRIES; attempt++) {
      await scene.sql('update promotion set not_before = now() where id = $1', [promotionId])
      await scene.begin(promotionId, attempt, 'dying', 0)
      await house.worker.runs.sweep({ now: new Date(Date.now() + 1000) })
    }
    expect((await house.api.requests.get(id))?.promotion).toMatchObject({
      state: 'ERRORED',
      error: { code: 'worker_lost' },
    })
  })
})

test('a promotion waits until the soak is over', async () => {
  const scene = await setScene(house, { gates: { soak: { minutes: 30 } } })
  await scene.push('app', ['1.0.0'])
  const { promotionId } = await scene.approved()
  expect(
    await house.worker.runs.begin({ promotionId, attempt: 1, worker: 'w', leaseMs: 1000 }),
  ).toMatchObject({ state: 'skip' })
  const [row] = await scene.sql<{ minutes: number }>(
    `select extract(epoch from not_before - now())::float8 / 60 as minutes from promotion where id = $1`,
    [promotionId],
  )
  expect(row?.minutes).toBeGreaterThan(29)
  const jobs = new Map<string, number>()
  await house.worker.runs.handOver(100, async (job) => void jobs.set(job.promotionId, job.delayMs))
  expect(jobs.get(promotionId)).toBeGreaterThan(29 * 60_000)
})

describe('invariant 6: the relay', () => {
  test('hands over what is queued, once, and again when the queue lost it', async () => {
    const scene = await setScene(house)
    await scene.push('app', ['1.0.0'])
    const { promotionId } = await scene.approved()
    const hand = async (): Promise<number> => {
      let times = 0
      await house.worker.runs.handOver(1000, async (job) => {
        if (job.promotionId === promotionId) times++
      })
      return times
    }
    const failing = house.worker.runs.handOver(1000, () => Promise.reject(new Error('queue is away')))
    await expect(failing).rejects.toThrow('queue is away')
    expect(await Promise.all([hand(), hand()]).then(([a, b]) => a + b)).toBe(1)
    expect(await hand()).toBe(0)
    await scene.sql(
      `update promotion set enqueued_at = now() - interval '11 seconds', not_before = now() - interval '11 seconds' where id = $1`,
      [promotionId],
    )
    expect(await hand()).toBe(1)
    await scene.begin(promotionId)
    await scene.sql(`update promotion set enqueued_at = null where id = $1`, [promotionId])
    expect(await hand()).toBe(0)
  })
})
