import { type Served, startFeed } from '@sluice/feed/test-registry'
import { openRegistry, type Repository, verifyGraph } from '@sluice/oci'
import { startFlakyProxy, until } from '@sluice/testkit'
import { expect, test } from 'vitest'
import { closeGate } from './testdata/gate.ts'
import { type Approved, openScene, REPOSITORY, type Scene } from './testdata/scene.ts'

const PAIRS = [
  ['hosted to remote', false, true],
  ['remote to hosted', true, false],
  ['remote to remote', true, true],
] as const

/** The repository of an end, as anybody would read it. */
function repositoryOf({ url, prefix }: Served): Repository {
  return openRegistry({ baseUrl: url, plainHttp: 'loopback' }).repository(`${prefix}${REPOSITORY}`)
}

const count = async ({ owner }: Scene, from: string, values: unknown[] = []): Promise<number> => {
  const { rows } = await owner.query<{ n: number }>(`select count(*)::int as n from ${from}`, values)
  return rows[0]?.n ?? -1
}

/** One admission, one entry, one move of the tag; nothing left behind. */
async function expectLedger(scene: Scene, { promotionId, digest, tag }: Approved): Promise<void> {
  expect(await scene.state(promotionId)).toBe('SUCCEEDED')
  const entries = 'audit_entry where type = $1 and subjects @> array[$2]'
  expect(await count(scene, entries, ['promotion.succeeded', `promotion:${promotionId}`])).toBe(1)
  expect(await count(scene, 'admission where promotion_id = $1', [promotionId])).toBe(1)
  expect(await count(scene, 'tag_move where promotion_id = $1', [promotionId])).toBe(1)
  expect(await count(scene, 'staged_member where promotion_id = $1', [promotionId])).toBe(0)
  const trusted = 'join repository r on r.id = t.repository_id join feed f on f.id = r.feed_id and f.trusted'
  expect(
    await count(scene, `current_tag t ${trusted} where t.name = $1 and t.digest = $2`, [tag, digest]),
  ).toBe(1)
}

/** The registry elsewhere serves all of it, and our own rows promise none of its blobs. */
async function expectServed(scene: Scene, to: Served, { digest }: Approved): Promise<void> {
  const registry = repositoryOf(to)
  const resolved = await registry.resolve('1.0.0')
  expect(resolved?.digest).toBe(digest)
  const root = resolved ?? { digest, mediaType: '' }
  expect(await verifyGraph({ registry, root })).toMatchObject({ manifests: 3 })
  const ours =
    'repository_blob rb join repository r on r.id = rb.repository_id join feed f on f.id = r.feed_id where f.trusted'
  expect(await count(scene, ours)).toBe(0)
}

/** Every blob is found in our own feed. */
async function expectStored(scene: Scene, { requestId }: Approved): Promise<void> {
  const { rows } = await scene.owner.query<{ digest: string }>(
    `select digest from closure_member where request_id = $1 and kind = 'blob'`,
    [requestId],
  )
  expect(rows).not.toHaveLength(0)
  const feed = await scene.api.feedIndex.findFeed('trusted')
  if (feed === null) throw new Error('the feed trusted is missing')
  for (const { digest } of rows) {
    expect(await scene.api.feedIndex.findBlob({ feed, repository: REPOSITORY }, digest)).toMatchObject({
      digest,
    })
  }
}

test.each(PAIRS)('%s: the whole image under its tag', async (_, fromElsewhere, toElsewhere) => {
  const [from, to] = [await startFeed(), await startFeed()]
  const scene = await openScene({ ...(fromElsewhere && { from }), ...(toElsewhere && { to }) })
  await scene.spawn()
  const approved = await scene.approve('1.0.0', 300_000)
  await scene.ended(approved.promotionId)
  await expectLedger(scene, approved)
  await (toElsewhere ? expectServed(scene, to, approved) : expectStored(scene, approved))
  await scene.close()
  await Promise.all([from.stop(), to.stop()])
})

test('a tag that somebody else moved raises an alert, and blocks promotions of that tag until it is back', async () => {
  const to = await startFeed()
  const scene = await openScene({ to })
  const worker = await scene.spawn()
  const first = await scene.approve('1.0.0')
  await scene.ended(first.promotionId)
  const next = await scene.approve('stable')
  await scene.ended(next.promotionId)
  await worker.stop()
  const there = openRegistry({ baseUrl: to.url, plainHttp: 'loopback' })
  const repository = there.repository(`${to.prefix}${REPOSITORY}`, 'pull,push')
  const [one, other] = [await repository.getManifest(first.digest), await repository.getManifest(next.digest)]
  if (one === null || other === null) throw new Error('what was promoted is there')
  await repository.putManifest(one, 'stable')
  // It compares when it starts, and on a schedule after that.
  await scene.spawn()
  const open = `remote_alert where tag = 'stable' and resolved_at is null and expected = $1 and seen = $2`
  await until(async () => (await count(scene, open, [next.digest, first.digest])) === 1, {
    what: 'the alert',
  })
  await expect(scene.approve('stable')).rejects.toMatchObject({ code: 'tag_alerted' })
  await repository.putManifest(other, 'stable')
  await scene.spawn()
  await until(async () => (await count(scene, open, [next.digest, first.digest])) === 0, { what: 'its end' })
  const last = await scene.approve('stable')
  await scene.ended(last.promotionId)
  await expectLedger(scene, last)
  there.close()
  await scene.close()
  await to.stop()
})

test('invariant 8: cancelled while bytes flow, nothing becomes visible, and the upload is given up', async () => {
  const to = await startFeed()
  const proxy = await startFlakyProxy(to.url)
  const scene = await openScene({ to: { url: proxy.url, prefix: to.prefix } })
  // Slow enough that it would take a quarter of an hour.
  await scene.owner.query('update feed_remote set bandwidth = 65536')
  const worker = await scene.spawn()
  const approved = await scene.approve('1.0.0', 60_000_000)
  const view = async () => (await scene.api.requests.get(approved.requestId))?.promotion
  await until(async () => ((await view())?.progress.bytesPerSecond ?? 0) > 0, {
    what: 'bytes',
    timeoutMs: 60_000,
  })
  const { progress } = (await view()) ?? {}
  expect(progress?.bytes).toBeGreaterThan(0)
  expect(progress?.bytes).toBeLessThan(60_000_000)
  expect(progress?.secondsLeft).toBeGreaterThan(0)
  await scene.api.requests.cancel(scene.requester, approved.requestId)
  await until(() => worker.lines.some(({ msg }) => msg === 'promotion taken over or ended by others'), {
    what: 'the worker to give up',
  })
  expect(await scene.state(approved.promotionId)).toBe('CANCELLED')
  expect(proxy.log.some((line) => /^DELETE .*\/blobs\/uploads\//.test(line))).toBe(true)
  expect(await repositoryOf(to).resolve('1.0.0')).toBeNull()
  await scene.close()
  await proxy.close()
  await to.stop()
})

test('a killed worker: what had arrived is not sent again', async () => {
  const to = await startFeed()
  const proxy = await startFlakyProxy(to.url)
  const scene = await openScene({ to: { url: proxy.url, prefix: to.prefix } })
  const gate = await closeGate(
    scene.owner,
    'promotion_step',
    `new.name = 'copy' and new.finished_at is not null`,
  )
  const worker = await scene.spawn()
  const approved = await scene.approve('1.0.0', 1_000_000)
  await gate.reached()
  await worker.kill()
  await gate.crash()
  const sent = (): number => proxy.log.filter((line) => /^PUT .*\/blobs\/uploads\//.test(line)).length
  expect(sent()).toBe(5)
  await scene.endLeases()
  await scene.spawn()
  await scene.ended(approved.promotionId)
  await expectLedger(scene, approved)
  expect(sent()).toBe(5)
  await scene.close()
  await proxy.close()
  await to.stop()
})

test('a registry that loses what it accepted: copied again, then whole', async () => {
  const to = await startFeed()
  const proxy = await startFlakyProxy(to.url)
  const scene = await openScene({ to: { url: proxy.url, prefix: to.prefix } })
  proxy.add({ method: 'GET', path: /\/blobs\/sha256:/, fault: { kind: 'status', status: 404 }, times: 1 })
  const worker = await scene.spawn()
  const approved = await scene.approve('1.0.0', 1_000_000)
  await scene.ended(approved.promotionId)
  await expectLedger(scene, approved)
  expect(worker.lines.some(({ code }) => code === 'destination_lost')).toBe(true)
  await scene.close()
  await proxy.close()
  await to.stop()
})
