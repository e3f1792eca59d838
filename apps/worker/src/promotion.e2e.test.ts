import { until } from '@sluice/testkit'
import { expect, test as base } from 'vitest'
import { closeGate, lockTable } from './testdata/gate.ts'
import { type Approved, openScene, REPOSITORY, type Scene, SHARED_LAYER_SIZE } from './testdata/scene.ts'

const test = base.extend<{ scene: Scene }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads from it which other fixtures are needed
  scene: async ({}, use) => {
    const scene = await openScene()
    await use(scene)
    await scene.close()
  },
})

const atStart = (step: string): string => `new.name = '${step}' and new.finished_at is null`
const atEnd = (step: string): string => `new.name = '${step}' and new.finished_at is not null`

const count = async ({ owner }: Scene, from: string, values: unknown[] = []): Promise<number> => {
  const { rows } = await owner.query<{ n: number }>(`select count(*)::int as n from ${from}`, values)
  return rows[0]?.n ?? -1
}

const entries = (scene: Scene, type: string, { promotionId }: Approved): Promise<number> =>
  count(scene, 'audit_entry where type = $1 and subjects @> array[$2]', [type, `promotion:${promotionId}`])

/** What anybody could see of the trusted feed: memberships, tags and their history. */
async function visible(scene: Scene): Promise<number> {
  const tables = ['repository_manifest', 'repository_blob', 'tag', 'tag_move', 'admission']
  const all = tables.map((table) => `select repository_id from ${table}`).join(' union all ')
  const trusted = 'join repository r on r.id = repository_id join feed f on f.id = r.feed_id and f.trusted'
  return count(scene, `(${all}) rows ${trusted}`)
}

/** One promotion, one admission, one entry; the whole image under its tag, and nothing left behind. */
async function expectPromotedOnce(scene: Scene, approved: Approved): Promise<void> {
  const { promotionId, digest, tag } = approved
  expect(await scene.state(promotionId)).toBe('SUCCEEDED')
  expect(await entries(scene, 'promotion.succeeded', approved)).toBe(1)
  expect(await count(scene, 'admission where promotion_id = $1', [promotionId])).toBe(1)
  expect(await count(scene, 'tag_move where promotion_id = $1', [promotionId])).toBe(1)
  expect(await count(scene, 'staged_member where promotion_id = $1', [promotionId])).toBe(0)
  const feed = await scene.api.feedIndex.findFeed('trusted')
  if (feed === null) throw new Error('the feed trusted is missing')
  const address = { feed, repository: REPOSITORY }
  expect(await scene.api.feedIndex.findManifest(address, tag)).toMatchObject({ digest })
  const { rows } = await scene.owner.query<{ digest: string; kind: string }>(
    'select digest, kind from closure_member where request_id = $1',
    [approved.requestId],
  )
  expect(rows.filter(({ kind }) => kind === 'manifest')).toHaveLength(3)
  expect(rows.filter(({ kind }) => kind === 'blob')).toHaveLength(5)
  for (const member of rows) {
    const found =
      member.kind === 'manifest'
        ? await scene.api.feedIndex.findManifest(address, member.digest)
        : await scene.api.feedIndex.findBlob(address, member.digest)
    expect(found).toMatchObject({ digest: member.digest })
  }
}

test('a whole promotion, soon after its approval; then the worker stops in order', async ({ scene }) => {
  const worker = await scene.spawn()
  const approved = await scene.approve('1.0.0')
  await scene.ended(approved.promotionId)
  await expectPromotedOnce(scene, approved)
  expect(await entries(scene, 'promotion.started', approved)).toBe(1)
  const { rows } = await scene.owner.query<{ name: string }>(
    'select name from promotion_step where finished_at is not null order by finished_at',
  )
  expect(rows.map(({ name }) => name)).toEqual(['copy', 'verify', 'commit'])
  expect(await worker.stop()).toBe(0)
  expect(worker.lines.filter(({ level }) => Number(level) >= 40)).toEqual([])
})

test('a worker ends when its supervisor is gone', async ({ scene }) => {
  const { process } = await scene.spawn()
  process.disconnect()
  await until(() => process.exitCode !== null, { what: 'the end of the worker' })
  expect(process.exitCode).toBe(0)
})

test('invariant 4: two workers give one promotion each, one entry', async ({ scene }) => {
  await Promise.all([scene.spawn(), scene.spawn()])
  const all: Approved[] = []
  for (const tag of ['1.0.0', '1.0.1', '1.0.2', '1.0.3', '1.0.4']) all.push(await scene.approve(tag))
  for (const approved of all) {
    await scene.ended(approved.promotionId)
    await expectPromotedOnce(scene, approved)
    expect(await entries(scene, 'promotion.started', approved)).toBe(1)
  }
})

test('invariant 4: a worker that comes late writes nothing', async ({ scene }) => {
  const late = await scene.spawn()
  const gate = await closeGate(scene.owner, 'promotion_step', atEnd('verify'))
  const approved = await scene.approve('1.0.0')
  await gate.reached()
  late.process.kill('SIGSTOP')
  await gate.crash()
  await scene.endLeases()
  await scene.spawn()
  await scene.ended(approved.promotionId)
  late.process.kill('SIGCONT')
  // It hears that its transaction is lost, and that the promotion is no longer its own.
  await until(() => late.lines.some(({ msg }) => msg === 'promotion taken over or ended by others'), {
    what: 'the late worker to give up',
  })
  await expectPromotedOnce(scene, approved)
})

// Just before a step starts is just after the one before it was stored.
test.concurrent.for([
  ['before it begins', 'promotion', `new.state = 'RUNNING'`],
  ['when it has begun', 'promotion_step', atStart('copy')],
  ['before copy is stored', 'promotion_step', atEnd('copy')],
  ['after copy is stored', 'promotion_step', atStart('verify')],
  ['before verify is stored', 'promotion_step', atEnd('verify')],
  ['after verify is stored', 'promotion_step', atStart('commit')],
  ['before commit is stored', 'promotion_step', atEnd('commit')],
  ['in the middle of admit', 'tag_move', 'new.promotion_id is not null'],
] as const)('invariant 3: killed %s', async ([, table, when], { scene }) => {
  const gate = await closeGate(scene.owner, table, when)
  const worker = await scene.spawn()
  const approved = await scene.approve('1.0.0')
  await gate.reached()
  await worker.kill()
  await gate.crash()
  expect(await visible(scene)).toBe(0)
  await scene.endLeases()
  await scene.spawn()
  await scene.ended(approved.promotionId)
  await expectPromotedOnce(scene, approved)
})

test('invariant 3: killed after commit is stored', async ({ scene }) => {
  const worker = await scene.spawn()
  const killed = new Promise<void>((resolve) =>
    scene.owner.on('notification', ({ payload }) => {
      if (payload?.includes('SUCCEEDED')) resolve(worker.kill())
    }),
  )
  await scene.owner.query('listen sluice_promotion')
  const approved = await scene.approve('1.0.0')
  await killed
  await scene.spawn()
  // The job of the first one may come again; the next promotion shows that the queue goes on.
  const next = await scene.approve('1.0.1')
  await scene.ended(next.promotionId)
  await expectPromotedOnce(scene, approved)
  await expectPromotedOnce(scene, next)
})

test('invariant 6: the queue is lost while one promotion runs and others wait', async ({ scene }) => {
  const gate = await closeGate(scene.owner, 'promotion_step', atEnd('verify'))
  await scene.spawn()
  const running = await scene.approve('1.0.0')
  await gate.reached()
  await scene.loseQueue()
  const waiting = await scene.approve('1.0.1')
  await scene.loseQueue()
  await gate.open()
  await scene.ended(running.promotionId)
  await scene.ended(waiting.promotionId)
  await scene.loseQueue()
  const later = await scene.approve('1.0.2')
  await scene.ended(later.promotionId)
  for (const approved of [running, waiting, later]) await expectPromotedOnce(scene, approved)
})

test('invariant 8: cancelled while it runs, nothing becomes visible', async ({ scene }) => {
  const approved = await scene.approve('1.0.0')
  // Verify reads the manifests outside of any transaction that writes.
  const gate = await lockTable(scene.owner, 'manifest')
  const worker = await scene.spawn()
  await gate.reached()
  // The collector reads manifests as well, and may be the one that waits.
  await until(async () => (await scene.state(approved.promotionId)) === 'RUNNING', { what: 'the run' })
  await scene.api.requests.cancel(scene.requester, approved.requestId)
  await gate.open()
  await until(() => worker.lines.some(({ msg }) => msg === 'promotion taken over or ended by others'), {
    what: 'the worker to give up',
  })
  expect(await scene.state(approved.promotionId)).toBe('CANCELLED')
  expect(await visible(scene)).toBe(0)
  expect(await entries(scene, 'promotion.succeeded', approved)).toBe(0)
})

test('machinery that breaks is tried again, given up, and tried once more when a person asks', async ({
  scene,
}) => {
  const worker = await scene.spawn()
  await scene.owner.query(`
    create function test_break() returns trigger language plpgsql as $$ begin raise 'disk full'; end $$;
    create trigger test_break before insert on promotion_step for each row when (new.name = 'verify')
      execute function test_break()`)
  const approved = await scene.approve('1.0.0')
  await scene.ended(approved.promotionId, 'ERRORED')
  expect(await entries(scene, 'promotion.started', approved)).toBe(5)
  expect(await visible(scene)).toBe(0)
  const view = await scene.api.requests.get(approved.requestId)
  expect(view?.promotion).toMatchObject({ state: 'ERRORED', attempt: 5, error: { code: 'internal' } })
  expect(JSON.stringify(view)).not.toContain('disk full')
  expect(worker.lines.filter(({ msg }) => msg === 'promotion given up')).toHaveLength(1)

  await scene.owner.query('drop trigger test_break on promotion_step')
  await scene.api.requests.retry(scene.approver, approved.requestId)
  await scene.ended(approved.promotionId)
  await expectPromotedOnce(scene, approved)
})

test('a blob that is found damaged ends the promotion, in words', async ({ scene }) => {
  const approved = await scene.approve('1.0.0')
  await scene.owner.query('update blob set quarantined_at = now() where size = $1', [SHARED_LAYER_SIZE])
  await scene.spawn()
  await scene.ended(approved.promotionId, 'FAILED')
  expect(await visible(scene)).toBe(0)
  expect(await entries(scene, 'promotion.failed', approved)).toBe(1)
  const view = await scene.api.requests.get(approved.requestId)
  expect(view?.promotion?.error).toMatchObject({ code: 'closure_incomplete' })
})

test('a worker outlives the loss of every connection to its database', async ({ scene }) => {
  const worker = await scene.spawn()
  await scene.owner.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
      and usename = 'sluice_worker'`,
  )
  const approved = await scene.approve('1.0.0')
  await scene.ended(approved.promotionId)
  await expectPromotedOnce(scene, approved)
  expect(worker.process.exitCode).toBe(null)
})
