import { parsePolicy } from '@sluice/promotion'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Actor, RequestView } from '../index.ts'
import { addFeed, addLane, type House, openHouse, type Scene, setScene } from './test-scene.ts'

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

const refused = (code: string) => expect.objectContaining({ name: 'StoreError', code })
const denied = (reason: string) =>
  expect.objectContaining({
    name: 'FeedError',
    code: 'DENIED',
    message: expect.stringContaining(reason),
    detail: expect.objectContaining({ reason }),
  })

/** The scene with `app:1.0.0` in trusted; otto may recall. */
async function released(options: { index?: boolean } = {}) {
  const scene = await setScene(house)
  const digest = await scene.push('app', ['1.0.0'], options)
  await scene.promote((await scene.approved()).promotionId)
  await grant(scene, scene.otto, scene.trusted.id)
  const recall = (what = digest, actor = scene.otto) =>
    house.api.recalls.create(actor, { digest: what, feedId: scene.trusted.id, reason: 'CVE-1' })
  return { scene, digest, recall }
}

async function grant(scene: Scene, { principalId }: Actor, feedId: string): Promise<void> {
  await scene.sql(
    `insert into access_grant values ($1, $2, '{pull,approve,recall}')
     on conflict (feed_id, principal_id) do update set verbs = '{pull,approve,recall}'`,
    [feedId, principalId],
  )
}

const pull = (scene: Scene, reference: string, repository = 'app') =>
  house.api.feedIndex.findManifest({ feed: scene.trusted, repository }, reference)

/** A restore of what was recalled, as rita asks for it. */
async function restore(scene: Scene, digest: string, lane = scene.lane): Promise<RequestView> {
  const asked = { lane, kind: 'restore' as const, items: [{ image: `app@${digest}` }], reason: 'fixed' }
  return (await house.api.requests.create(scene.rita, asked)).request
}

async function execute(scene: Scene, { id, digest }: RequestView): Promise<void> {
  const view = await house.api.requests.approve(scene.anna, id, { digest: digest! })
  await scene.promote(view.promotion!.id)
}

describe('what is recalled', () => {
  test('is refused by tag and by digest, and by verify, with the reason; its tags stay', async () => {
    const { scene, digest, recall } = await released()
    const { recall: made, created } = await recall()
    expect(created).toBe(true)
    expect(made).toMatchObject({
      digest,
      feed: scene.trusted.name,
      by: scene.otto.name,
      lifted: null,
      places: [{ repository: 'app', digest, tags: ['1.0.0'] }],
    })
    for (const reference of ['1.0.0', digest]) {
      await expect(pull(scene, reference)).rejects.toThrow(denied('CVE-1'))
    }
    for (const asked of [{ tag: '1.0.0' }, { digest }]) {
      expect(await house.api.verify({ feedId: scene.trusted.id, repository: 'app', ...asked })).toMatchObject(
        {
          allowed: false,
          digest,
          reason: 'recalled',
          recall: { id: made.id, reason: 'CVE-1' },
          admission: { digest },
        },
      )
    }
    expect(
      (await house.api.feedIndex.findManifest({ feed: scene.dev, repository: 'app' }, '1.0.0'))?.digest,
    ).toBe(digest)
    expect(await scene.entries(`recall:${made.id}`)).toEqual(['digest.recalled'])
  })

  test('a recall that stands is answered, and one of something unknown or by somebody without the grant refused', async () => {
    const { scene, digest, recall } = await released()
    const [first, second] = await Promise.all([recall(), recall()])
    expect(first.created).not.toBe(second.created)
    expect(first.recall.id).toBe(second.recall.id)
    expect(await scene.entries(`digest:${digest}`)).toContain('digest.recalled')
    await expect(recall(`sha256:${'0'.repeat(64)}`)).rejects.toThrow(refused('digest_unknown'))
    const other = await scene.push('app', ['2.0.0'])
    await expect(recall(other)).rejects.toThrow(refused('digest_unknown'))
    await scene.promote((await scene.approved('app:2.0.0')).promotionId)
    await expect(recall(other, scene.anna)).rejects.toThrow(refused('recall_not_granted'))
    const blank = { digest: other, feedId: scene.trusted.id, reason: ' ' }
    await expect(house.api.recalls.create(scene.otto, blank)).rejects.toThrow(refused('invalid'))
    expect((await pull(scene, '2.0.0'))?.digest).toBe(other)
  })

  test('an index that contains it follows, and its other images do not', async () => {
    const { scene, digest, recall } = await released({ index: true })
    const [one, two] = await scene.sql<{ child: string }>(
      'select child_digest as child from manifest_edge where parent_digest = $1 order by position',
      [digest],
    )
    const shown = await house.api.digests.get(one!.child, [scene.trusted.id])
    expect(shown?.containedIn).toEqual([
      { feed: scene.trusted.name, repository: 'app', digest, tags: ['1.0.0'] },
    ])
    expect((await house.api.digests.get(digest, [scene.trusted.id]))?.containedIn).toEqual([])
    await recall(one!.child)
    await expect(pull(scene, '1.0.0')).rejects.toThrow(denied('CVE-1'))
    await expect(pull(scene, one!.child)).rejects.toThrow(denied('CVE-1'))
    expect((await pull(scene, two!.child))?.digest).toBe(two!.child)
    const { items } = await house.api.recalls.list({ limit: 10, visibleFeedIds: [scene.trusted.id] })
    expect(new Set(items[0]?.places.map((place) => place.digest))).toEqual(new Set([digest, one!.child]))
  })

  test('feeds further down the lanes follow, those before it do not', async () => {
    const { scene, digest, recall } = await released()
    const prod = await addFeed(house.admin, `prod-${scene.lane}`, true, {})
    const lane = `on-${scene.lane}`
    await addLane(house.api, lane, scene.trusted.id, prod.id, scene.rita, parsePolicy({}))
    for (const person of [scene.anna, scene.otto]) await grant(scene, person, prod.id)
    const asked = { lane, items: [{ image: 'app:1.0.0' }] }
    const { request } = await house.api.requests.create(scene.rita, asked)
    await execute(scene, request)
    const inProd = () => house.api.feedIndex.findManifest({ feed: prod, repository: 'app' }, '1.0.0')
    expect((await inProd())?.digest).toBe(digest)
    await recall()
    await expect(inProd()).rejects.toThrow(denied('CVE-1'))
    await execute(scene, await restore(scene, digest))
    expect((await inProd())?.digest).toBe(digest)
    await house.api.recalls.create(scene.otto, { digest, feedId: prod.id, reason: 'only here' })
    await expect(inProd()).rejects.toThrow(denied('only here'))
    expect((await pull(scene, '1.0.0'))?.digest).toBe(digest)
  })
})

test('virtual tags fall back to the best version that is left, everywhere they are read', async () => {
  const scene = await setScene(house)
  await grant(scene, scene.otto, scene.trusted.id)
  await scene.sql(`update feed set tag_rules = '{"versions": true}' where id = $1`, [scene.trusted.id])
  const [old, now] = [await scene.push('app', ['1.4.1']), await scene.push('app', ['1.4.2'])]
  for (const tag of ['1.4.1', '1.4.2']) await scene.promote((await scene.approved(`app:${tag}`)).promotionId)
  const shown = async () => {
    const { items } = await house.api.feeds.tags(scene.trusted.id, 'app', { limit: 50 })
    const pulled = (await pull(scene, '1.4'))?.digest
    const verified = await house.api.verify({ feedId: scene.trusted.id, repository: 'app', tag: '1.4' })
    const places = (await house.api.digests.get(pulled!, [scene.trusted.id]))?.locations[0]?.virtualTags
    return [pulled, verified.digest, items.find(({ tag }) => tag === '1.4')?.digest, places?.includes('1.4')]
  }
  expect(await shown()).toEqual([now, now, now, true])
  await house.api.recalls.create(scene.otto, { digest: now, feedId: scene.trusted.id, reason: 'CVE-1' })
  expect(await shown()).toEqual([old, old, old, true])
  await house.api.recalls.create(scene.otto, { digest: old, feedId: scene.trusted.id, reason: 'CVE-1' })
  expect(await pull(scene, '1.4')).toBeNull()
  expect(
    (
      await house.api.feedIndex.listTags(
        { feed: scene.trusted, repository: 'app' },
        { limit: 50, last: null },
      )
    )?.json,
  ).toBe('["1.4.1","1.4.2"]')
})

describe('what is recalled is not promoted', () => {
  test('a new request is refused by the gate, and evaluate says so', async () => {
    const { scene, recall } = await released()
    await recall()
    const again = { targetTags: ['1.0.1'] }
    await expect(scene.request('app:1.0.0', again)).rejects.toThrow(refused('gate_refused'))
    const asked = { lane: scene.lane, items: [{ image: 'app:1.0.0', ...again }] }
    const { gates } = await house.api.requests.evaluate(scene.rita, asked)
    expect(gates.at(-1)).toMatchObject({ gate: 'recall', verdict: 'block' })
  })

  test('an approval is refused, and an approved request FAILS when it starts', async () => {
    const { scene, digest, recall } = await released()
    const waiting = await scene.request('app:1.0.0', { targetTags: ['1.0.1'] })
    const { promotionId } = await scene.approved('app:1.0.0', { targetTags: ['1.0.2'] })
    await recall()
    await expect(house.api.requests.approve(scene.anna, waiting.request.id, { digest })).rejects.toThrow(
      refused('gate_refused'),
    )
    const begun = await house.worker.runs.begin({ promotionId, attempt: 1, worker: 'w', leaseMs: 60_000 })
    expect(begun).toEqual({ state: 'ended', promotionState: 'FAILED' })
    expect(await scene.sql('select error_code as code from promotion where id = $1', [promotionId])).toEqual([
      { code: 'gate_refused' },
    ])
  })

  test('admit refuses what was recalled while it ran', async () => {
    const { scene, recall } = await released()
    const { promotionId } = await scene.approved('app:1.0.0', { targetTags: ['1.0.1'] })
    const run = await scene.begin(promotionId)
    await scene.stageAll(run)
    await recall()
    await expect(house.worker.runs.commit(run)).rejects.toThrow(refused('recalled'))
    expect(
      await scene.sql(`select 1 from tag_move where tag = '1.0.1' and promotion_id = $1`, [promotionId]),
    ).toEqual([])
  })

  test('a recall and a commit at once: one waits for the other', async () => {
    const { scene, recall } = await released()
    const { promotionId } = await scene.approved('app:1.0.0', { targetTags: ['1.0.1'] })
    const run = await scene.begin(promotionId)
    await scene.stageAll(run)
    const holder = await house.admin.connect()
    try {
      await holder.query('begin; lock table recall in share mode')
      const made = recall()
      await expect
        .poll(
          async () =>
            (await scene.sql(`select 1 from pg_locks where relation = 'recall'::regclass and not granted`))
              .length,
        )
        .toBe(1)
      const committed = house.worker.runs.commit(run).catch((error: unknown) => error)
      await expect
        .poll(
          async () =>
            (await scene.sql(`select 1 from pg_locks where relation = 'recall'::regclass and not granted`))
              .length,
        )
        .toBe(2)
      await holder.query('commit')
      expect((await made).created).toBe(true)
      expect(await committed).toEqual(refused('recalled'))
    } finally {
      holder.release()
    }
  })
})

describe('restore', () => {
  test('is a request of its own: quorum, not the requester, then everything is pulled again', async () => {
    const { scene, digest, recall } = await released()
    const { recall: made } = await recall()
    const request = await restore(scene, digest)
    expect(request).toMatchObject({
      kind: 'restore',
      recall: made.id,
      state: 'PENDING',
      reason: 'fixed',
      source: { feed: scene.trusted.name, repository: 'app' },
      target: { feed: scene.trusted.name, repository: 'app', tags: [] },
    })
    await expect(house.api.requests.approve(scene.rita, request.id, { digest })).rejects.toThrow(
      refused('self_approval'),
    )
    await execute(scene, request)
    expect((await pull(scene, '1.0.0'))?.digest).toBe(digest)
    const { items } = await house.api.recalls.list({ limit: 10, visibleFeedIds: [scene.trusted.id], digest })
    expect(items).toMatchObject([{ id: made.id, lifted: { request: request.id } }])
    expect(
      await house.api.promotions.list({ limit: 1, digest, visibleFeedIds: [scene.trusted.id] }),
    ).toMatchObject({
      items: [{ state: 'SUCCEEDED', targets: [] }],
    })
    expect((await recall()).created).toBe(true)
    await expect(pull(scene, '1.0.0')).rejects.toThrow(denied('CVE-1'))
  })

  test('undoes the recall it was asked for and no later one', async () => {
    const { scene, digest, recall } = await released()
    await recall()
    const [first, second] = [await restore(scene, digest), await restore(scene, digest)]
    expect(second.id).toBe(first.id)
    const byAnna = {
      lane: scene.lane,
      kind: 'restore' as const,
      items: [{ image: `app@${digest}` }],
      reason: 'me too',
    }
    const { request: other } = await house.api.requests.create(scene.anna, byAnna)
    await execute(scene, first)
    await recall()
    const view = await house.api.requests.approve(scene.otto, other.id, { digest })
    const run = await scene.begin(view.promotion!.id)
    await scene.stageAll(run)
    await expect(house.worker.runs.commit(run)).rejects.toThrow(refused('recall_lifted'))
    await expect(pull(scene, '1.0.0')).rejects.toThrow(denied('CVE-1'))
  })

  test('of what is not recalled, or was recalled in another feed, is refused', async () => {
    const { scene, digest } = await released()
    await expect(restore(scene, digest)).rejects.toThrow(refused('recall_lifted'))
  })
})

describe('rollback', () => {
  async function moved() {
    const scene = await setScene(house)
    const old = await scene.push('app', ['1.0.0'])
    await scene.promote((await scene.approved('app:1.0.0', { targetTags: ['1.0.0', 'stable'] })).promotionId)
    const now = await scene.push('app', ['1.1.0'])
    await scene.promote((await scene.approved('app:1.1.0', { targetTags: ['1.1.0', 'stable'] })).promotionId)
    const back = async (image: string, over: object = {}) => {
      const asked = { lane: scene.lane, kind: 'rollback' as const, reason: 'it leaks', ...over }
      return (
        await house.api.requests.create(scene.rita, { ...asked, items: [{ image, targetTags: ['stable'] }] })
      ).request
    }
    return { scene, old, now, back }
  }

  test('moves a tag back to what was let in before, after its own approval', async () => {
    const { scene, old, now, back } = await moved()
    const request = await back('app:1.0.0')
    expect(request).toMatchObject({
      kind: 'rollback',
      digest: old,
      target: { tags: [{ tag: 'stable', expected: now }] },
    })
    await execute(scene, request)
    expect(await scene.landed('app', 'stable')).toBe(old)
    expect(await scene.landed('app', '1.1.0')).toBe(now)
  })

  test('asks for no soak, but for the quorum', async () => {
    const { scene, old, back } = await moved()
    const request = await back(`app@${old}`)
    expect(request.gates.map(({ gate }) => gate)).toEqual(['quorum', 'requester'])
    expect(await scene.landed('app', 'stable')).not.toBe(old)
  })

  test('is refused for what is only in dev, for what is recalled, and without a reason', async () => {
    const { scene, old, back } = await moved()
    await scene.push('app', ['2.0.0'])
    await expect(back('app:2.0.0')).rejects.toThrow(refused('tag_unknown'))
    await expect(back('app:1.0.0', { reason: '' })).rejects.toThrow(refused('invalid'))
    await grant(scene, scene.otto, scene.trusted.id)
    await house.api.recalls.create(scene.otto, { digest: old, feedId: scene.trusted.id, reason: 'CVE-1' })
    await expect(back('app:1.0.0')).rejects.toThrow(refused('gate_refused'))
  })

  test('a release tag stays where it is', async () => {
    const { scene, back } = await moved()
    const items = [{ image: 'app:1.0.0', targetTags: ['1.1.0'] }]
    const asked = { lane: scene.lane, kind: 'rollback' as const, reason: 'x', items }
    await expect(house.api.requests.create(scene.rita, asked)).rejects.toThrow(refused('tag_exists'))
    expect((await back('app:1.0.0')).state).toBe('PENDING')
  })

  test('Postgres: what was never let in does not come by a rollback', async () => {
    const { scene, back } = await moved()
    const only = await scene.push('app', ['3.0.0'])
    const { id, digest } = await back('app:1.0.0')
    const view = await house.api.requests.approve(scene.anna, id, { digest: digest! })
    const run = await scene.begin(view.promotion!.id)
    await scene.stageAll(run)
    // As if the api had been talked into it before anybody approved: only the superuser can do it now.
    await scene.unguarded('request_item', `update request_item set digest = $2 where request_id = $1`, [
      id,
      only,
    ])
    await rebind(scene, id)
    await scene.unguarded('closure_member', `delete from closure_member where request_id = $1`, [id])
    await rebind(scene, id)
    await expect(house.worker.runs.commit(run)).rejects.toThrow(refused('not_admitted'))
  })
})

/** Makes request and approvals bind what the rows say now. */
async function rebind(scene: Scene, id: string): Promise<void> {
  const set = `set set_digest = b.set_digest, bound_hash = b.bound_hash from request_binding($1::uuid) b where id = $1::uuid`
  await scene.unguarded('request', `update request ${set}`, [id])
  const bound = `update approval set bound_hash = (select bound_hash from request where id = $1::uuid) where request_id = $1::uuid`
  await scene.unguarded('approval', bound, [id])
}
