import { until } from '@sluice/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type House, nothingLanded, openHouse, type Scene, setScene } from './test-scene.ts'

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

const refused = (code: string) => expect.objectContaining({ name: 'StoreError', code })

test('the whole path: what was approved lands, with its admission, history and entries', async () => {
  const scene = await setScene(house)
  const digest = await scene.push('app', ['1.0.0'], { index: true })
  const { id, promotionId } = await scene.approved()
  const run = await scene.begin(promotionId)
  expect(run.items).toMatchObject([{ position: 0, digest, target: { repository: 'app' }, tags: ['1.0.0'] }])
  expect(run.items[0]?.closure).toHaveLength(7)
  expect(run.items[0]?.closure.at(-1)).toMatchObject({ digest, kind: 'manifest' })
  await house.worker.runs.startStep(run, 'copy')
  await scene.stageAll(run)
  await house.worker.runs.finishStep(run, 'copy', { copied: 7 })
  expect(await house.api.requests.get(id)).toMatchObject({
    promotion: {
      state: 'RUNNING',
      step: 'copy',
      progress: { blobs: 4, totalBlobs: 4 },
      steps: [{ name: 'copy', state: 'done' }],
    },
  })
  await nothingLanded(scene)
  await house.worker.runs.commit(run)

  expect(await scene.landed('app', '1.0.0')).toBe(digest)
  const view = await house.api.requests.get(id)
  expect(view).toMatchObject({
    state: 'APPROVED',
    promotion: { state: 'SUCCEEDED', error: null, progress: { blobs: 4, totalBlobs: 4 } },
  })
  expect(await scene.entries(`promotion:${promotionId}`)).toEqual([
    'request.approved',
    'promotion.started',
    'promotion.succeeded',
  ])
  const trusted = [scene.trusted.id]
  expect((await house.api.promotions.list({ limit: 10, visibleFeedIds: trusted })).items).toMatchObject([
    {
      id: promotionId,
      state: 'SUCCEEDED',
      digest,
      requester: scene.rita.name,
      approvers: [scene.anna.name],
      targets: [{ feed: scene.trusted.name, repository: 'app', tag: '1.0.0', digest }],
    },
  ])
  const found = async (filter: object) =>
    (await house.api.promotions.list({ limit: 10, visibleFeedIds: trusted, ...filter })).items.length
  for (const filter of [
    { tag: '1.0.0' },
    { actor: scene.rita.name },
    { actor: scene.anna.name, tag: '1.0.0' },
  ])
    expect([filter, await found(filter)]).toEqual([filter, 1])
  for (const filter of [{ tag: '1.0' }, { actor: scene.otto.name }, { actor: 'nobody' }])
    expect([filter, await found(filter)]).toEqual([filter, 0])
  expect(await house.api.verify({ feedId: scene.trusted.id, repository: 'app', tag: '1.0.0' })).toMatchObject(
    {
      allowed: true,
      digest,
      reason: 'admitted',
      admission: { requestId: id, approvers: [scene.anna.name] },
    },
  )
  expect(await house.api.verify({ feedId: scene.dev.id, repository: 'app', digest })).toMatchObject({
    allowed: false,
    reason: 'feed_not_trusted',
  })
  expect(await house.api.verify({ feedId: scene.trusted.id, repository: 'app', tag: '9' })).toMatchObject({
    allowed: false,
    reason: 'not_in_feed',
  })
  const known = await house.api.digests.get(digest, [scene.dev.id, ...trusted])
  expect(known?.locations.map(({ feed, tags }) => [feed, tags])).toEqual([
    [scene.dev.name, ['1.0.0']],
    [scene.trusted.name, ['1.0.0']],
  ])
  expect((await house.api.digests.get(digest, trusted))?.locations).toHaveLength(1)
  expect(await house.api.digests.get(digest, [])).toBeNull()
})

describe('invariant 2: nothing resolves until the whole closure is there', () => {
  test.each([
    ['nothing is staged', async () => {}],
    [
      'a member was not verified',
      async (scene: Scene, run: Awaited<ReturnType<Scene['begin']>>) => {
        const [item] = run.items
        await house.worker.runs.stage(
          run,
          (item?.closure ?? []).map((member) => ({ ...member, position: 0 })),
        )
        await house.worker.runs.markVerified(
          run,
          0,
          (item?.closure ?? []).slice(1).map(({ digest }) => digest),
        )
        expect((await house.worker.runs.staged(run)).filter(({ verified }) => !verified)).toHaveLength(1)
        expect(scene.lane).toBeTruthy()
      },
    ],
    [
      'a blob was quarantined meanwhile',
      async (scene: Scene, run: Awaited<ReturnType<Scene['begin']>>) => {
        await scene.stageAll(run)
        const blob = run.items[0]?.closure.find(({ kind }) => kind === 'blob')
        await scene.sql('update blob set quarantined_at = now() where digest = $1', [blob?.digest])
      },
    ],
  ])('%s', async (_, prepare) => {
    const scene = await setScene(house)
    await scene.push('app', ['1.0.0'])
    const { promotionId } = await scene.approved()
    const run = await scene.begin(promotionId)
    await prepare(scene, run)
    await expect(house.worker.runs.commit(run)).rejects.toThrow(refused('closure_incomplete'))
    await nothingLanded(scene)
    expect(await scene.entries(`promotion:${promotionId}`)).not.toContain('promotion.succeeded')
  })
})

describe('invariant 3: a worker that dies leaves nothing visible, and the next one does it in full', () => {
  test('inside the commit', async () => {
    const scene = await setScene(house)
    const digest = await scene.push('app', ['1.0.0'])
    const { id, promotionId } = await scene.approved()
    const run = await scene.begin(promotionId, 1, 'dying', 0)
    await scene.stageAll(run)
    const blocker = await house.admin.connect()
    await blocker.query('begin')
    await blocker.query('lock table tag_move in share mode')
    const committing = house.worker.runs.commit(run).catch((error: unknown) => error)
    const [waiting] = await until(
      async () => {
        const rows = await scene.sql<{ pid: number }>(
          `select pid from pg_stat_activity where datname = current_database() and usename = 'sluice_worker'
             and wait_event_type = 'Lock' and query like '%admit(%'`,
        )
        return rows.length === 1 && rows
      },
      { what: 'the commit to reach the tags' },
    )
    await scene.sql('select pg_terminate_backend($1)', [waiting?.pid])
    expect(await committing).toBeInstanceOf(Error)
    await blocker.query('rollback')
    blocker.release()
    await nothingLanded(scene)
    expect((await house.api.requests.get(id))?.promotion?.state).toBe('RUNNING')
    expect(await scene.entries(`promotion:${promotionId}`)).not.toContain('promotion.succeeded')

    await house.worker.runs.sweep({ now: new Date(Date.now() + 1000) })
    await scene.sql('update promotion set not_before = now() where id = $1', [promotionId])
    // What the dead worker had staged and verified is still there.
    await house.worker.runs.commit(await scene.begin(promotionId, 2))
    expect(await scene.landed('app', '1.0.0')).toBe(digest)
  })
})

describe('invariant 4: one promotion, whoever comes twice or late', () => {
  test('of two workers that begin at once, one runs', async () => {
    const scene = await setScene(house)
    await scene.push('app', ['1.0.0'])
    const { promotionId } = await scene.approved()
    const begun = await Promise.all(
      ['a', 'b', 'c'].map((worker) =>
        house.worker.runs.begin({ promotionId, attempt: 1, worker, leaseMs: 60_000 }),
      ),
    )
    expect(begun.map(({ state }) => state).sort()).toEqual(['running', 'skip', 'skip'])
    expect(await scene.entries(`promotion:${promotionId}`)).toEqual(['request.approved', 'promotion.started'])
  })

  test('a job that is delivered again finds that it ended, or that it is not due', async () => {
    const scene = await setScene(house)
    await scene.push('app', ['1.0.0'])
    const { promotionId } = await scene.approved()
    const job = { promotionId, worker: 'b', leaseMs: 60_000 }
    expect(await house.worker.runs.begin({ ...job, attempt: 2 })).toMatchObject({ state: 'skip' })
    await scene.sql(`update promotion set not_before = now() + interval '1 hour' where id = $1`, [
      promotionId,
    ])
    expect(await house.worker.runs.begin({ ...job, attempt: 1 })).toMatchObject({ state: 'skip' })
    await scene.sql('update promotion set not_before = now() where id = $1', [promotionId])
    await scene.promote(promotionId)
    expect(await house.worker.runs.begin({ ...job, attempt: 1 })).toEqual({
      state: 'ended',
      promotionState: 'SUCCEEDED',
    })
    expect(
      await house.worker.runs.begin({ ...job, attempt: 1, promotionId: crypto.randomUUID() }),
    ).toMatchObject({ state: 'skip' })
  })

  test('a worker whose lease ran out is fenced from every write', async () => {
    const scene = await setScene(house)
    const digest = await scene.push('app', ['1.0.0'])
    const { promotionId } = await scene.approved()
    const late = await scene.begin(promotionId, 1, 'late', 0)
    await scene.stageAll(late)
    await house.worker.runs.finishStep(late, 'copy', { by: 'late' })
    expect((await house.worker.runs.sweep({ now: new Date(Date.now() + 60_000) })).reclaimed).toBeGreaterThan(
      0,
    )
    await scene.sql('update promotion set not_before = now() where id = $1', [promotionId])
    // The same worker name again: the attempt alone must tell the two runs apart.
    const next = await scene.begin(promotionId, 2, 'late')
    expect(next.steps).toEqual([{ name: 'copy', result: { by: 'late' } }])
    const { runs } = house.worker
    expect(await runs.renew(late, 1000)).toBe(false)
    for (const write of [
      () => runs.startStep(late, 'verify'),
      () => runs.finishStep(late, 'verify', {}),
      () => runs.stage(late, []),
      () => runs.markVerified(late, 0, [digest]),
      () => runs.commit(late),
      () => runs.fail(late, { code: 'x', message: 'x' }),
      () => runs.broke(late, { code: 'x', message: 'x', maxTries: 5 }),
    ]) {
      await expect(write()).rejects.toThrow(refused('fenced'))
    }
    await nothingLanded(scene)
    expect(await runs.renew(next, 60_000)).toBe(true)
    await runs.commit(next)
    await expect(runs.commit(next)).rejects.toThrow(refused('fenced'))
    expect(await scene.entries(`promotion:${promotionId}`)).toEqual([
      'request.approved',
      'promotion.started',
      'promotion.requeued',
      'promotion.started',
      'promotion.succeeded',
    ])
  })

  test('of two commits at once, one lands', async () => {
    const scene = await setScene(house)
    await scene.push('app', ['1.0.0'])
    const { promotionId } = await scene.approved()
    const run = await scene.begin(promotionId)
    await scene.stageAll(run)
    const both = await Promise.allSettled([house.worker.runs.commit(run), house.worker.runs.commit(run)])
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const entries = await scene.entries(`promotion:${promotionId}`)
    expect(entries.filter((type) => type === 'promotion.succeeded')).toHaveLength(1)
  })
})
