import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Run } from '../index.ts'
import { type Beside, type Elsewhere, type Made, openBeside, setElsewhere } from './test-elsewhere.ts'

const refused = (code: string) => expect.objectContaining({ name: 'StoreError', code })

let beside: Beside
let house: Beside['house']
let store: Beside['store']
beforeAll(async () => {
  beside = await openBeside()
  ;({ house, store } = beside)
})
afterAll(() => beside.close())

let scene: Elsewhere['scene']
let feed: Elsewhere['feed']
let lane: Elsewhere['lane']
let approved: Elsewhere['approved']
let ready: Elsewhere['ready']
let intend: Elsewhere['intend']
let lost: Elsewhere['lost']
let ledger: Elsewhere['ledger']
beforeEach(async () => {
  ;({ scene, feed, lane, approved, ready, intend, lost, ledger } = await setElsewhere(beside))
})

test('intent, then what was let in: ledger, observation, one entry each, no blob of ours', async () => {
  const made = await approved()
  const run = await ready(made)
  await intend(run, made)
  await house.worker.runs.commit(run)
  expect(await ledger('stable')).toBe(made.digest)
  expect((await store.requests.get(made.id))?.promotion).toMatchObject({ state: 'SUCCEEDED' })
  expect(await scene.entries(`promotion:${made.promotionId}`)).toEqual([
    'request.approved',
    'promotion.started',
    'promotion.intended',
    'promotion.succeeded',
  ])
  const [counts] = await scene.sql(
    `select (select count(*)::int from repository_blob rb where rb.repository_id = r.id) as blobs,
       (select count(*)::int from repository_manifest rm where rm.repository_id = r.id and admission_id is not null) as manifests,
       (select digest from current_tag c where c.repository_id = r.id and c.name = 'stable') as current
     from repository r where r.feed_id = $1`,
    [feed.id],
  )
  expect(counts).toEqual({ blobs: 0, manifests: 1, current: made.digest })
})

describe('invariant 1: Postgres holds it, whatever the code does', () => {
  async function as(role: 'api' | 'worker', text: string, values: unknown[]): Promise<void> {
    const pool = role === 'api' ? house.api.pool : house.worker.pool
    await pool.query(text, values)
  }
  const denied = expect.objectContaining({ code: '42501' })
  const said = (code: string) => expect.objectContaining({ code: 'SL001', message: code })

  test('no role writes an intent or a tag but through the functions', async () => {
    const made = await approved()
    const run = await ready(made)
    const values = [made.promotionId]
    for (const role of ['api', 'worker'] as const) {
      await expect(
        as(role, 'update promotion set intended_at = now() where id = $1', values),
      ).rejects.toEqual(denied)
      await expect(
        as(
          role,
          `insert into commit_intent select $2, 'app', 'stable', $1, 'x', null, 1, 1, now(), now(), entry_id from request limit 1`,
          [made.promotionId, feed.id],
        ),
      ).rejects.toEqual(denied)
      await expect(
        as(role, 'select let_in(p, q, f, p.id) from promotion p, request q, feed f where p.id = $1', values),
      ).rejects.toEqual(denied)
    }
    await expect(
      as('api', `select intend($1, 1, 'worker-1', $1, '[]', '1 s', '1 s')`, values),
    ).rejects.toEqual(denied)
    await expect(house.worker.runs.commit(run)).rejects.toEqual(refused('promotion_state'))
    expect(await ledger('stable')).toBeNull()
  })

  test('a promotion does not begin with an intent', async () => {
    const { id, promotionId } = await approved()
    await store.requests.revokeApproval(scene.anna, id)
    const again = await store.requests.approve(scene.anna, id, {
      digest: (await store.requests.get(id))?.digest ?? '',
    })
    await expect(
      as(
        'api',
        `insert into promotion (id, request_id, state, intended_at) values (gen_random_uuid(), $1, 'QUEUED', now())`,
        [id],
      ),
    ).rejects.toEqual(said('promotion_state'))
    expect(again.promotion?.id).not.toBe(promotionId)
  })

  test('what was read must name each tag, and be of this promotion', async () => {
    const made = await approved()
    const run = await ready(made)
    await expect(
      house.worker.runs.intend(run, { observed: [], leaseMs: 1000, timeoutMs: 1000 }),
    ).rejects.toEqual(refused('target_moved'))
    await expect(intend({ ...run, worker: 'other' }, made)).rejects.toEqual(refused('fenced'))
    await expect(
      as(
        'worker',
        `select intend($1, 2, 'worker-1', (select entry_id from request limit 1), '[]', '1 s', '1 s')`,
        [made.promotionId],
      ),
    ).rejects.toEqual(said('fenced'))
  })

  test('no intent without the gates of this very attempt, each open', async () => {
    const made = await approved()
    await as(
      'worker',
      `update promotion set state = 'RUNNING', locked_by = 'worker-1', lease_until = now() + interval '1 hour' where id = $1`,
      [made.promotionId],
    )
    const { items, ...rest } = { ...(await ready(await approved('other'))), promotionId: made.promotionId }
    const run = {
      ...rest,
      requestId: made.id,
      items: items.map((item) => ({ ...item, digest: made.digest })),
    }
    await expect(intend(run, made)).rejects.toEqual(refused('gate_refused'))
    await lost(made)
    const good = await ready(made, 2)
    await intend(good, made)
  })

  test('what was not copied and verified is not intended', async () => {
    const made = await approved()
    const run = await scene.begin(made.promotionId)
    await expect(intend(run, made)).rejects.toEqual(refused('closure_incomplete'))
  })
})

describe('invariant 8: until the intent, not after it', () => {
  const expire = (id: string) =>
    scene.unguarded('request', `update request set expires_at = now() - interval '1 second' where id = $1`, [
      id,
    ])
  const stops: [string, (made: Made) => Promise<unknown>, string][] = [
    ['revoked', ({ id }) => store.requests.revokeApproval(scene.anna, id), 'fenced'],
    ['cancelled', ({ id }) => store.requests.cancel(scene.rita, id), 'fenced'],
    ['expired', ({ id }) => expire(id), 'request_expired'],
    [
      'approver disabled',
      () => scene.sql('update person set disabled_at = now() where id = $1', [scene.anna.personId]),
      'quorum_missing',
    ],
  ]
  test.each(stops)('%s before: refused', async (_, stop, code) => {
    const made = await approved()
    const run = await ready(made)
    await stop(made)
    await expect(intend(run, made)).rejects.toEqual(refused(code))
    expect(await ledger('stable')).toBeNull()
  })

  test.each([
    ['revoke', ({ id }: Made) => store.requests.revokeApproval(scene.anna, id)],
    ['cancel', ({ id }: Made) => store.requests.cancel(scene.rita, id)],
  ])('%s after: already_committing, and it is finished', async (_, stop) => {
    const made = await approved()
    const run = await ready(made)
    await intend(run, made)
    await expect(stop(made)).rejects.toMatchObject({ code: 'already_committing' })
    await house.worker.runs.commit(run)
    expect(await ledger('stable')).toBe(made.digest)
  })

  test('also by SQL, and by a sweep that finds it expired', async () => {
    const made = await approved()
    const run = await ready(made)
    await intend(run, made)
    const already = expect.objectContaining({ message: 'already_committing' })
    const { pool } = house.api
    await expect(
      pool.query(`update request set state = 'CANCELLED' where id = $1`, [made.id]),
    ).rejects.toEqual(already)
    await expect(
      pool.query(`update promotion set state = 'CANCELLED' where id = $1`, [made.promotionId]),
    ).rejects.toEqual(already)
    await expire(made.id)
    await lost(made)
    await house.worker.runs.sweep({ now: new Date() })
    expect((await store.requests.get(made.id))?.promotion).toMatchObject({ state: 'QUEUED', attempt: 2 })
    const second = await scene.begin(made.promotionId, 2, 'worker-2')
    expect(second.intended).toBe(true)
    await intend(second, made, made.digest)
    await house.worker.runs.commit(second)
    expect(await ledger('stable')).toBe(made.digest)
  })

  test('a recall that comes after is no reason to leave it half done', async () => {
    const first = await approved('1.0.0')
    const run = await ready(first)
    await intend(run, first)
    await house.worker.runs.commit(run)
    const { request } = await store.requests.create(scene.rita, {
      lane,
      items: [{ image: 'app:1.0.0', targetTags: ['next'] }],
    })
    const view = await store.requests.approve(scene.anna, request.id, { digest: first.digest })
    const made = { ...first, id: request.id, tag: 'next', promotionId: view.promotion?.id ?? '' }
    const next = await ready(made)
    await intend(next, made)
    await house.api.recalls.create(scene.rita, { feedId: feed.id, digest: first.digest, reason: 'bad' })
    await house.worker.runs.commit(next)
    expect(await ledger('next')).toBe(first.digest)
  })
})

describe('blobs that a promotion brings', () => {
  const receive = (run: Run, digest: string, size: number) =>
    house.worker.runs.receiveBlob(run, {
      digest,
      size,
      storageKey: `blobs/${randomBytes(8).toString('hex')}`,
    })

  test('only those of the closure, of their size, for a hosted target, by the worker that runs it', async () => {
    await scene.push('app', ['1.0.0'])
    const { promotionId } = await scene.approved()
    const run = await scene.begin(promotionId)
    const blob = run.items[0]?.closure.find(({ kind }) => kind === 'blob')
    if (blob === undefined) throw new Error('the image has blobs')
    const other = `sha256:${'b'.repeat(64)}`
    await expect(receive(run, other, 100)).rejects.toEqual(refused('closure_incomplete'))
    await expect(receive(run, blob.digest, 99)).rejects.toEqual(refused('closure_incomplete'))
    await expect(receive({ ...run, attempt: 2 }, blob.digest, 100)).rejects.toEqual(refused('fenced'))
    // It is stored already: the new bytes are superfluous.
    expect(await receive(run, blob.digest, 100)).toMatch(/^blobs\//)
    await scene.sql('update blob set quarantined_at = now() where digest = $1', [blob.digest])
    expect(await receive(run, blob.digest, 100)).toBeNull()
    const [healed] = await scene.sql('select quarantined_at from blob where digest = $1', [blob.digest])
    expect(healed).toEqual({ quarantined_at: null })
  })

  test('none for a target elsewhere', async () => {
    const made = await approved()
    const run = await ready(made)
    const blob = run.items[0]?.closure.find(({ kind }) => kind === 'blob')
    await expect(receive(run, blob?.digest ?? '', 100)).rejects.toEqual(refused('closure_incomplete'))
  })
})

test('progress is told to who listens, by the worker that runs it', async () => {
  const made = await approved()
  const run = await ready(made)
  const client = new Client({ connectionString: house.url })
  await client.connect()
  await client.query('listen sluice_promotion')
  const told = new Promise<string>((resolve) =>
    client.on('notification', ({ payload = '' }) => resolve(payload)),
  )
  const counts = { bytes: 50, totalBytes: 200, blobs: 1, totalBlobs: 2 }
  const progress = { ...counts, bytesPerSecond: 30, items: [counts] }
  await house.worker.runs.tellProgress(run, progress)
  expect(JSON.parse(await told)).toMatchObject({ promotionId: made.promotionId, requestId: made.id })
  expect((await store.requests.get(made.id))?.promotion?.progress).toEqual({ ...progress, secondsLeft: 5 })
  await house.worker.runs.tellProgress({ ...run, worker: 'other' }, { ...progress, bytes: 60 })
  expect((await store.requests.get(made.id))?.promotion?.progress).toMatchObject({ bytes: 50 })
  await client.end()
})

test('a registry that asks one worker for silence is left alone by all', async () => {
  await house.worker.pauses.ask('reg.example:443', 60_000)
  await house.worker.pauses.ask('reg.example:443', 10)
  expect(await house.worker.pauses.left('reg.example:443')).toBeGreaterThan(50_000)
  expect(await house.worker.pauses.left('other.example')).toBe(0)
})
