import { parsePolicy } from '@sluice/promotion'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attach, bundle, shelf, tagOf } from '../evidence/test-attached.ts'
import { attestation, from, keys, result } from '../evidence/test-attestation.ts'
import { newId } from '../index.ts'
import { type Beside, fresh, openBeside } from '../promotion/test-elsewhere.ts'
import { addLane, setScene } from '../promotion/test-scene.ts'

let beside: Beside
beforeAll(async () => {
  beside = await openBeside()
})
afterAll(() => beside.close())

const LEASE = { leaseMs: 60_000, timeoutMs: 60_000 }
const refused = (code: string) => expect.objectContaining({ name: 'StoreError', code })

/** An image that was promoted from a hosted feed to a registry elsewhere, and a signature under its tag that is about to be set there. */
async function pushing() {
  const { house, store } = beside
  const { referrers } = house.worker
  const scene = await setScene(house)
  const storage = shelf()
  const far = await store.feeds.create(scene.rita, {
    name: fresh('far'),
    stage: 'far',
    trusted: true,
    remote: { url: beside.registry.url, prefix: fresh('team'), plainHttp: 'loopback' },
  })
  for (const { principalId } of [scene.rita, scene.anna]) {
    await scene.sql(
      `insert into access_grant values ($1, $2, '{pull,request,approve}')
        on conflict (feed_id, principal_id) do update set verbs = excluded.verbs`,
      [far.id, principalId],
    )
  }
  const lane = fresh('lane')
  const policy = parsePolicy({
    gates: { evidence: [{ type: 'test', from }] },
    keys,
    requestExpiresAfter: { hours: 1 },
  })
  await addLane(house.api, lane, scene.dev.id, far.id, scene.rita, policy)
  const digest = await scene.push('app', ['1.0.0'])
  const passed = () => bundle(attestation(digest, { ...result('PASSED'), at: newId() }))
  await attach(house, scene, storage, { digest }, passed())
  const asked = { lane, items: [{ image: 'app:1.0.0' }] }
  const tag = tagOf(digest, 'att')

  /** Promotes the image; answers the scan that follows it. */
  const promote = async () => {
    const { request } = await store.requests.create(scene.rita, asked, storage)
    const view = await store.requests.approve(scene.anna, request.id, { digest }, storage)
    const run = await scene.begin(view.promotion?.id ?? '')
    await scene.stageAll(run)
    await house.worker.runs.intend(run, { observed: [{ position: 0, tag: '1.0.0', digest: null }], ...LEASE })
    await house.worker.runs.commit(run)
    return request.id
  }
  const scanOf = async (requestId: string) => {
    await store.referrers.ask(requestId)
    const due = (await referrers.due(100)).find((one) => one.requestId === requestId)
    if (due === undefined) throw new Error('it is due')
    return due
  }
  const sign = () => attach(house, scene, storage, { tag }, passed())
  const requestId = await promote()
  const scan = await scanOf(requestId)
  const found = async (wanted: string) => {
    const one = (await referrers.find(scan, storage)).found.find((late) => late.digest === wanted)
    if (one?.verdict.verdict !== 'admit') throw new Error(`${wanted} may follow`)
    return one
  }
  const first = await sign()
  await referrers.intend(scan, await found(first), { now: null, ...LEASE })
  return {
    scene,
    house,
    storage,
    referrers,
    requestId,
    scan,
    digest,
    far,
    tag,
    first,
    sign,
    found,
    endLease: () => scene.sql('update commit_intent set free_at = now() where tag = $1', [tag]),
    /** As somebody may in an untrusted feed: the tag and the manifest are gone there. */
    async lose(lost: string) {
      await scene.sql('delete from tag where digest = $1', [lost])
      await scene.sql(
        'delete from repository_manifest m using repository r where r.id = m.repository_id and r.feed_id = $1 and m.digest = $2',
        [scene.dev.id, lost],
      )
    },
    states: async () =>
      (await store.referrers.list(requestId, { limit: 10 })).items.map(
        ({ digest: own, state }) => `${state} ${own}`,
      ),
    tagged: async () =>
      (
        await scene.sql<{ digest: string }>(
          'select t.digest from tag t join repository r on r.id = t.repository_id where r.feed_id = $1 and t.name = $2',
          [far.id, tag],
        )
      )[0]?.digest,
  }
}

describe('a signature that is about to be set in a registry elsewhere', () => {
  test.each([
    ['another', false],
    ['none', true],
  ])(
    'is finished when its source has %s under the tag, and the next follows after it (invariants 1 and 3)',
    async (_, lost) => {
      const { scene, referrers, scan, first, sign, found, lose, tagged, states } = await pushing()
      if (lost) await lose(first)
      const second = await sign()
      const next = await found(second)
      const [late, ...more] = await referrers.intended(scan)
      expect(more).toEqual([])
      expect(late).toMatchObject({
        digest: first,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        carries: [{ type: 'test', from: expect.arrayContaining(from) }],
      })
      await expect(referrers.intend(scan, next, { now: first, ...LEASE })).rejects.toEqual(
        refused('tag_held'),
      )
      if (late === undefined) throw new Error('it is intended')
      await referrers.admit(scan, late)
      expect(await tagged()).toBe(first)
      await referrers.intend(scan, next, { now: first, ...LEASE })
      await referrers.admit(scan, next)
      expect(await tagged()).toBe(second)
      expect(await states()).toEqual([`admitted ${second}`, `admitted ${first}`])
      expect(await referrers.intended(scan)).toEqual([])
      for (const one of [first, second])
        expect(await scene.entries(`digest:${one}`)).toEqual(['referrer.intended', 'referrer.admitted'])
    },
  )

  test('is replaced where the registry never got it, and never overwrites what took its place (invariant 4)', async () => {
    const { scene, referrers, requestId, scan, first, sign, found, endLease, tagged } = await pushing()
    const second = await sign()
    const next = await found(second)
    await expect(referrers.intend(scan, next, { now: null, ...LEASE })).rejects.toEqual(refused('tag_held'))
    await endLease()
    await referrers.intend(scan, next, { now: null, ...LEASE })
    expect((await referrers.intended(scan)).map((one) => one.digest)).toEqual([second])
    await referrers.admit(scan, next)
    expect(await tagged()).toBe(second)
    const { items } = await beside.store.referrers.list(requestId, { limit: 10 })
    expect(items).toMatchObject([
      { digest: second, state: 'admitted' },
      { digest: first, state: 'waiting', reason: expect.stringContaining(`${second} took its place`) },
    ])
    // The entry of the one says what became of the other.
    expect(await scene.entries(`referrer:${items[1]?.id}`)).toEqual([
      'referrer.intended',
      'referrer.intended',
    ])
    await expect(
      scene.sql(
        `select p.payload from audit_payload p join audit_entry e on e.id = p.entry_id
         where e.subjects @> array['referrer:' || $1, 'referrer:' || $2]`,
        [items[0]?.id, items[1]?.id],
      ),
    ).resolves.toHaveLength(1)
  })

  test('says why the target has not got it yet, until it has', async () => {
    const { house, referrers, requestId, scan, first } = await pushing()
    const [late] = await referrers.intended(scan)
    if (late === undefined) throw new Error('it is intended')
    const told = async () =>
      (await beside.store.referrers.list(requestId, { limit: 10 })).items.map(({ state, reason }) => [
        state,
        reason,
      ])
    expect(await told()).toEqual([['waiting', 'it is being pushed to the registry of the target']])
    await referrers.keepOut(scan, late, { state: 'waiting', reason: 'its certificate is not trusted' })
    expect(await told()).toEqual([['waiting', 'its certificate is not trusted']])
    expect((await referrers.intended(scan)).map(({ digest }) => digest)).toEqual([first])
    // The worker says that, and nothing else of it.
    for (const change of [`carries = '[]', reason = 'x'`, `state = 'waiting', reason = 'x'`]) {
      await expect(
        house.worker.pool.query(`update late_referrer set ${change} where id = $1`, [late.id]),
      ).rejects.toMatchObject({ code: 'SL001', message: 'not_admitted' })
    }
    await referrers.admit(scan, late)
    expect(await told()).toEqual([['admitted', null]])
  })

  test.each(['the image', 'what it carries', 'its subject, an image of the index'] as const)(
    'is not sent while %s is recalled, and is finished where the target serves it already (invariant 1)',
    async (what) => {
      const { scene, referrers, scan, digest, first, tagged, far } = await pushing()
      const [late] = await referrers.intended(scan)
      if (late === undefined) throw new Error('it is intended')
      // As if it had been recalled by the one or the other: Postgres asks for all of them.
      const recalled = what === 'what it carries' ? first : digest
      if (what === 'its subject, an image of the index')
        await scene.unguarded('admission', `update admission set digest = $2 where id = $1`, [
          scan.admissionId,
          `sha256:${'e'.repeat(64)}`,
        ])
      await scene.unguarded(
        'recall',
        `insert into recall (id, feed_id, digest, reason, recalled_by, entry_id)
         select $1, $2, $3, 'CVE-1', $4, id from audit_entry limit 1`,
        [newId(), far.id, recalled, scene.anna.principalId],
      )
      await expect(referrers.intend(scan, late, { now: null, ...LEASE })).rejects.toEqual(refused('recalled'))
      expect((await referrers.intended(scan)).map((one) => one.digest)).toEqual([first])
      await referrers.intend(scan, late, { now: first, ...LEASE })
      await referrers.admit(scan, late)
      expect(await tagged()).toBe(first)
    },
  )

  test('goes nowhere when the feed of its target is deleted, and is kept for nobody then (invariant 7)', async () => {
    const { scene, house, referrers, requestId, scan, first, far } = await pushing()
    const [late] = await referrers.intended(scan)
    const [layer] = late?.carries ?? []
    const awaited = async () => {
      const { rows } = await house.worker.pool.query('select awaited($1) as one, awaited($2) as other', [
        first,
        layer?.layer,
      ])
      return rows[0]
    }
    expect(await awaited()).toEqual({ one: true, other: true })
    await scene.sql('update feed set deleted_at = now() where id = $1', [far.id])
    expect(await awaited()).toEqual({ one: false, other: false })
    await house.api.referrers.ask(requestId)
    expect((await referrers.due(100)).filter((each) => each.requestId === requestId)).toEqual([])
    expect((await beside.store.referrers.list(requestId, { limit: 1 })).items).toMatchObject([
      { state: 'waiting', reason: 'the feed of the target was deleted' },
    ])
  })

  test('that was purged is not finished, and holds nobody up', async () => {
    const { scene, referrers, scan, first, sign, found, lose, endLease } = await pushing()
    const second = await sign()
    await lose(first)
    await scene.sql('delete from manifest_edge where parent_digest = $1', [first])
    await scene.sql('delete from manifest where digest = $1', [first])
    await endLease()
    expect(await referrers.intended(scan)).toEqual([])
    await referrers.intend(scan, await found(second), { now: first, ...LEASE })
  })

  test('is not collected meanwhile, nor let go of; afterwards it is (invariant 7)', async () => {
    const { scene, house, referrers, scan, first, lose } = await pushing()
    const [late] = await referrers.intended(scan)
    const [layer] = late?.carries ?? []
    if (late === undefined || layer === undefined) throw new Error('it is intended')
    const ago = `now() - interval '30 days'`
    await scene.unguarded(
      'repository_manifest',
      `update repository_manifest set pushed_at = ${ago} where digest = $1`,
      [first],
    )
    await scene.unguarded('manifest', `update manifest set stored_at = ${ago} where digest = $1`, [first])
    await scene.unguarded('blob', `update blob set stored_at = ${ago} where digest = $1`, [layer.layer])
    const one = async (text: string, values: unknown[]) =>
      Object.values((await house.worker.pool.query(text, values)).rows[0])[0]
    const awaited = (what: string) => one('select awaited($1)', [what])
    expect([await awaited(first), await awaited(layer.layer)]).toEqual([true, true])
    await lose(first)
    await scene.sql('delete from repository_blob where digest = $1', [layer.layer])
    const collect = async () => [
      await one(`select collect_manifest($1, '1 hour')`, [first]),
      await one(`select collect_blob($1, '1 hour')`, [layer.layer]),
    ]
    expect(await collect()).toEqual([false, null])
    await referrers.admit(scan, late)
    expect([await awaited(first), await awaited(layer.layer)]).toEqual([false, false])
    // Its manifest is the target's now; its blobs are kept by the registry there.
    expect(await collect()).toEqual([false, layer.layer])
  })

  test('is come back to, however old the promotion is, and though its source was deleted', async () => {
    const { scene, house, referrers, requestId, scan, first } = await pushing()
    const due = async () => (await beside.store.referrers.list(requestId, { limit: 1 })).dueAt
    await scene.unguarded('admission', `update admission set at = now() - interval '91 days' where id = $1`, [
      scan.admissionId,
    ])
    await referrers.finish(scan, { problem: null, again: true })
    expect(await due()).not.toBeNull()
    await scene.sql('update feed set deleted_at = now() where id = $1', [scene.dev.id])
    await house.api.referrers.ask(requestId)
    const again = (await referrers.due(100)).find((each) => each.requestId === requestId)
    expect(again).toMatchObject({ sourceGone: true })
    if (again === undefined) throw new Error('it is due')
    const [late] = await referrers.intended(again)
    expect(late?.digest).toBe(first)
    if (late !== undefined) await referrers.admit(again, late)
    await referrers.finish(again, { problem: null, again: false })
    expect(await due()).toBeNull()
    await house.api.referrers.ask(requestId)
    expect((await referrers.due(100)).filter((each) => each.requestId === requestId)).toEqual([])
  })
})

test('what follows an image takes its blobs before it looks for recalls, as a purge does', async () => {
  const { house } = beside
  const gates = { evidence: [{ type: 'test', from }] }
  const scene = await setScene(house, { gates, keys })
  const storage = shelf()
  const digest = await scene.push('app', ['1.0.0'])
  await attach(house, scene, storage, { digest }, bundle(attestation(digest, result('PASSED'))))
  const { request } = await house.api.requests.create(
    scene.rita,
    { lane: scene.lane, items: [{ image: 'app:1.0.0' }] },
    storage,
  )
  const view = await house.api.requests.approve(scene.anna, request.id, { digest }, storage)
  await scene.promote(view.promotion?.id ?? '')
  await attach(
    house,
    scene,
    storage,
    { digest },
    bundle(attestation(digest, { ...result('PASSED'), at: newId() })),
  )
  await house.api.referrers.ask(request.id)
  const scan = (await house.worker.referrers.due(100)).find((one) => one.requestId === request.id)
  if (scan === undefined) throw new Error('it is due')
  const [late] = (await house.worker.referrers.find(scan, storage)).found
  if (late === undefined) throw new Error('it is found')

  const purge = await house.admin.connect()
  try {
    await purge.query('begin')
    const { rows } = await purge.query<{ digest: string }>(
      'select digest from blob where digest in (select child_digest from manifest_edge where parent_digest = $1) for update',
      [late.digest],
    )
    expect(rows.length).toBe(2)
    const admitted = house.worker.referrers.admit(scan, late)
    await expect
      .poll(
        async () =>
          (
            await house.admin.query(
              `select from pg_locks where not granted and locktype in ('transactionid', 'tuple')`,
            )
          ).rowCount,
      )
      .toBe(1)
    await purge.query('lock table recall in share row exclusive mode nowait')
    await purge.query('commit')
    await admitted
  } finally {
    await purge.query('rollback')
    purge.release()
  }
  expect(await scene.landed('app', late.digest)).toBe(late.digest)
})
