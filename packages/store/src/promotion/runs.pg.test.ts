import { until } from '@sluice/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AUTOMATIC_TRIES } from '../index.ts'
import { type House, openHouse, type Scene, setScene } from './test-scene.ts'

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

const refused = (code: string) => expect.objectContaining({ name: 'StoreError', code })
const job = { attempt: 1, worker: 'w', leaseMs: 1000 }
const failed = { state: 'ended', promotionState: 'FAILED' }
const expireSql = `update request set expires_at = now() - interval '1 second' where id = $1`

/** Nothing of the trusted feed is there. */
async function nothingLanded(scene: Scene): Promise<void> {
  const rows = await scene.sql(
    `select t.name as there from repository r join tag t on t.repository_id = r.id where r.feed_id = $1
     union all select m.digest from repository r join repository_manifest m on m.repository_id = r.id where r.feed_id = $1
     union all select b.digest from repository r join repository_blob b on b.repository_id = r.id where r.feed_id = $1
     union all select a.digest from admission a where a.feed_id = $1`,
    [scene.trusted.id],
  )
  expect(rows).toEqual([])
}

test('the whole path: what was approved lands, with its admission, history and entries', async () => {
  const scene = await setScene(house)
  const digest = await scene.push('app', ['1.0.0'], { index: true })
  const { id, promotionId } = await scene.approved()
  const run = await scene.begin(promotionId)
  expect(run.items).toMatchObject([{ position: 0, digest, targetRepository: 'app', tags: ['1.0.0'] }])
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

test('lists: filters, pages, and only what the caller may see', async () => {
  const scene = await setScene(house)
  const digest = await scene.push('team/app', ['1.0.0', '1.0.1', '1.0.2'])
  const made = []
  for (const tag of ['1.0.0', '1.0.1', '1.0.2'])
    made.push((await scene.request(`team/app:${tag}`)).request.id)
  const newest = made.toReversed()
  const see = { limit: 10, visibleFeedIds: [scene.dev.id] }
  const ids = async (filter: object) =>
    (await house.api.requests.list({ ...see, ...filter })).items.map(({ id }) => id)
  expect(await ids({})).toEqual(newest)
  for (const filter of [
    { state: 'PENDING' },
    { lane: scene.lane },
    { repository: 'team/app' },
    { digest },
    { requester: scene.rita.name },
  ]) {
    expect(await ids(filter)).toEqual(newest)
  }
  for (const filter of [
    { state: 'APPROVED' },
    { lane: 'x' },
    { repository: 'app' },
    { digest: 'x' },
    { requester: 'x' },
    { requester: scene.anna.name },
    { visibleFeedIds: [] },
  ]) {
    expect(await ids(filter)).toEqual([])
  }
  const first = await house.api.requests.list({ ...see, limit: 2 })
  const second = await house.api.requests.list({ ...see, limit: 2, after: first.next ?? '' })
  expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(newest)
  expect(second.next).toBeNull()
  await expect(house.api.requests.list({ ...see, after: 'x' })).rejects.toMatchObject({
    code: 'invalid',
    field: 'after',
  })
})
