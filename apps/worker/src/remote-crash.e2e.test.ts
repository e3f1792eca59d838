// The checks after each step stand in what the steps share.
/* oxlint-disable vitest/no-standalone-expect */
import { type Served, startFeed } from '@sluice/feed/test-registry'
import { openRegistry, type Registry, verifyGraph } from '@sluice/oci'
import { type FlakyProxy, startFlakyProxy, until } from '@sluice/testkit'
import { expect, test as base } from 'vitest'
import { closeGate, lockTable } from './testdata/gate.ts'
import { type Approved, openScene, REPOSITORY, type Scene } from './testdata/scene.ts'
import { HASTY } from './testdata/worker-process.ts'

interface Elsewhere {
  readonly scene: Scene
  /** Between the workers and the registry of the feed `trusted`. */
  readonly proxy: FlakyProxy
  /** What that registry serves, seen past the proxy. */
  served(tag: string): Promise<string | null>
  /** Everything under the tag is there and whole. */
  expectWhole(approved: Approved): Promise<void>
}

const test = base.extend<{ elsewhere: Elsewhere }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads from it which other fixtures are needed
  elsewhere: async ({}, use) => {
    const to: Served = await startFeed()
    const proxy = await startFlakyProxy(to.url)
    const scene = await openScene({ to: { url: proxy.url, prefix: to.prefix } })
    const registry: Registry = openRegistry({ baseUrl: to.url, plainHttp: 'loopback' })
    const repository = registry.repository(`${to.prefix}${REPOSITORY}`)
    await use({
      scene,
      proxy,
      served: async (tag) => (await repository.resolve(tag))?.digest ?? null,
      async expectWhole({ tag, digest }) {
        const root = await repository.resolve(tag)
        expect(root?.digest).toBe(digest)
        if (root !== null) await verifyGraph({ registry: repository, root })
      },
    })
    await scene.close()
    registry.close()
    await proxy.close()
    await to.stop()
  },
})

const count = async ({ owner }: Scene, from: string, values: unknown[] = []): Promise<number> => {
  const { rows } = await owner.query<{ n: number }>(`select count(*)::int as n from ${from}`, values)
  return rows[0]?.n ?? -1
}

/** One promotion, one admission, one move, one entry that it succeeded. */
async function expectOnce({ scene, expectWhole }: Elsewhere, approved: Approved): Promise<void> {
  const { promotionId } = approved
  expect(await scene.state(promotionId)).toBe('SUCCEEDED')
  const entry = 'audit_entry where type = $1 and subjects @> array[$2]'
  expect(await count(scene, entry, ['promotion.succeeded', `promotion:${promotionId}`])).toBe(1)
  for (const table of ['admission', 'tag_move']) {
    expect(await count(scene, `${table} where promotion_id = $1`, [promotionId])).toBe(1)
  }
  expect(await count(scene, 'staged_member where promotion_id = $1', [promotionId])).toBe(0)
  await expectWhole(approved)
}

const never = new Promise<void>(() => undefined)
const tagPut = (tag: string) => ({ method: 'PUT', path: new RegExp(`/manifests/${tag}$`) })
const heard = ({ log }: FlakyProxy, what: RegExp, times = 1) =>
  until(() => log.filter((line) => what.test(line)).length >= times, { what: `${what}`, timeoutMs: 60_000 })

test.for([
  ['before copy begins', 'promotion_step', `new.name = 'copy' and new.finished_at is null`],
  ['with blobs under way', 'staged_member', `new.kind = 'blob'`],
  ['before copy is stored', 'promotion_step', `new.name = 'copy' and new.finished_at is not null`],
  ['before verify is stored', 'promotion_step', `new.name = 'verify' and new.finished_at is not null`],
  ['in the middle of the intent', 'commit_intent', 'new.tag is not null'],
  ['before the intent is stored', 'promotion', `new.intended_at is not null and new.state = 'RUNNING'`],
] as const)('invariant 3: killed %s', async ([, table, when], { elsewhere }) => {
  const { scene, served } = elsewhere
  const gate = await closeGate(scene.owner, table, when)
  const worker = await scene.spawn()
  const approved = await scene.approve('1.0.0')
  await gate.reached()
  await worker.kill()
  await gate.crash()
  expect(await served('1.0.0')).toBeNull()
  await scene.endLeases()
  await scene.spawn()
  await scene.ended(approved.promotionId)
  await expectOnce(elsewhere, approved)
})

test.for([
  ['between the intent and the PUT of the tag', 'hold-request', false],
  ['between the PUT of the tag and its answer', 'hold', true],
] as const)('invariant 3: killed %s', async ([, kind, arrives], { elsewhere }) => {
  const { scene, proxy, served } = elsewhere
  proxy.add({ ...tagPut('1.0.0'), fault: { kind, until: never }, times: 1 })
  const worker = await scene.spawn()
  const approved = await scene.approve('1.0.0')
  await heard(proxy, /PUT .*\/manifests\/1\.0\.0$/)
  if (arrives) await until(async () => (await served('1.0.0')) !== null, { what: 'the tag' })
  await worker.kill()
  // Nobody takes back what is about to be set.
  await expect(scene.api.requests.cancel(scene.requester, approved.requestId)).rejects.toMatchObject({
    code: 'already_committing',
  })
  await scene.endLeases()
  await scene.spawn()
  await scene.ended(approved.promotionId)
  await expectOnce(elsewhere, approved)
  // What is there already is not sent again.
  expect(proxy.log.filter((line) => /PUT .*\/manifests\/1\.0\.0$/.test(line))).toHaveLength(arrives ? 1 : 2)
})

test('invariant 3: killed before the end is stored, with the tag set', async ({ elsewhere }) => {
  const { scene, served } = elsewhere
  const gate = await closeGate(scene.owner, 'admission', 'new.id is not null')
  const worker = await scene.spawn()
  const approved = await scene.approve('1.0.0')
  await gate.reached()
  await worker.kill()
  await gate.crash()
  expect(await served('1.0.0')).toBe(approved.digest)
  await scene.endLeases()
  await scene.spawn()
  await scene.ended(approved.promotionId)
  await expectOnce(elsewhere, approved)
})

test('invariant 4: two workers give one promotion each', async ({ elsewhere }) => {
  const { scene } = elsewhere
  await Promise.all([scene.spawn(), scene.spawn()])
  const all: Approved[] = []
  for (const tag of ['1.0.0', '1.0.1', '1.0.2']) all.push(await scene.approve(tag))
  for (const approved of all) {
    await scene.ended(approved.promotionId)
    await expectOnce(elsewhere, approved)
  }
})

test('invariant 4: a worker that was stopped between intent and PUT sends nothing when it goes on', async ({
  elsewhere,
}) => {
  const { scene, proxy, served } = elsewhere
  const late = await scene.spawn(HASTY)
  const first = await scene.approve('stable')
  // It commits its intent, and then cannot read the manifest that it is to send.
  const gate = await closeGate(
    scene.owner,
    'promotion',
    `new.intended_at is not null and new.state = 'RUNNING'`,
  )
  await gate.reached()
  const locking = lockTable(scene.owner, 'manifest')
  await until(
    async () => (await count(scene, `pg_locks where relation = 'manifest'::regclass and not granted`)) > 0,
    { what: 'the lock that waits' },
  )
  await gate.open()
  const locked = await locking
  await locked.reached()
  late.process.kill('SIGSTOP')
  await locked.open()
  await scene.endLeases()
  await scene.spawn(HASTY)
  await scene.ended(first.promotionId)
  // The next one waits for the lease by itself, because the tag may have been sent by the first worker.
  const second = await scene.approve('stable')
  await scene.ended(second.promotionId)
  expect(await served('stable')).toBe(second.digest)
  const sent = () => proxy.log.filter((line) => /PUT .*\/manifests\/stable$/.test(line)).length
  expect(sent()).toBe(2)
  late.process.kill('SIGCONT')
  await until(() => late.lines.some(({ msg }) => msg === 'promotion taken over or ended by others'), {
    what: 'the late worker to give up',
    timeoutMs: 30_000,
  })
  expect(sent()).toBe(2)
  await expectOnce(elsewhere, second)
})

test('invariant 4: a PUT that hangs on its way is given up in time, and never overwrites a later tag', async ({
  elsewhere,
}) => {
  const { scene, proxy, served } = elsewhere
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  proxy.add({ ...tagPut('stable'), fault: { kind: 'hold-request', until: held }, times: 1 })
  await scene.spawn(HASTY)
  const first = await scene.approve('stable')
  await scene.ended(first.promotionId)
  const second = await scene.approve('stable')
  await scene.ended(second.promotionId)
  release()
  await held
  expect(await served('stable')).toBe(second.digest)
  await expectOnce(elsewhere, second)
})

test('a tag that the registry refuses: ERRORED with the intent standing, and a retry finishes it', async ({
  elsewhere,
}) => {
  const { scene, proxy, served } = elsewhere
  proxy.add({ ...tagPut('1.0.0'), fault: { kind: 'status', status: 403 } })
  await scene.spawn(HASTY)
  const approved = await scene.approve('1.0.0')
  await scene.ended(approved.promotionId, 'ERRORED')
  const view = await scene.api.requests.get(approved.requestId)
  expect(view?.promotion).toMatchObject({ attempt: 1, error: { code: 'forbidden' } })
  expect(view?.promotion?.error?.message).toContain('give the feed credentials that may do this there')
  expect(await served('1.0.0')).toBeNull()
  await expect(scene.api.requests.cancel(scene.requester, approved.requestId)).rejects.toMatchObject({
    code: 'already_committing',
  })
  proxy.heal()
  await scene.api.requests.retry(scene.approver, approved.requestId)
  await scene.ended(approved.promotionId)
  await expectOnce(elsewhere, approved)
})

test('two promotions to one tag: one has it, the other is told that it moved', async ({ elsewhere }) => {
  const { scene, proxy, served } = elsewhere
  const both = [await scene.approve('1.0.0'), await scene.approve('1.0.0')]
  await scene.spawn(HASTY)
  await scene.spawn(HASTY)
  const stateOf = ({ promotionId }: Approved) => scene.state(promotionId)
  await until(async () => (await Promise.all(both.map(stateOf))).sort().join() === 'FAILED,SUCCEEDED', {
    what: 'both ends',
    timeoutMs: 60_000,
  })
  for (const approved of both) {
    const view = await scene.api.requests.get(approved.requestId)
    const won = view?.promotion?.state === 'SUCCEEDED'
    if (won) await expectOnce(elsewhere, approved)
    expect(view?.promotion?.error?.code ?? null).toBe(won ? null : 'target_moved')
  }
  expect(both.map(({ digest }) => digest)).toContain(await served('1.0.0'))
  expect(proxy.log.filter((line) => /PUT .*\/manifests\/1\.0\.0$/.test(line))).toHaveLength(1)
})
