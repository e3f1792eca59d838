import { parsePolicy } from '@sluice/promotion'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Beside, type Elsewhere, fresh, type Made, openBeside, setElsewhere } from './test-elsewhere.ts'
import { addLane } from './test-scene.ts'

const refused = (code: string) => expect.objectContaining({ name: 'StoreError', code })

let beside: Beside
let house: Beside['house']
let store: Beside['store']
let registry: Beside['registry']
beforeAll(async () => {
  beside = await openBeside()
  ;({ house, store, registry } = beside)
})
afterAll(() => beside.close())

let scene: Elsewhere['scene']
let feed: Elsewhere['feed']
let where: Elsewhere['where']
let feedAt: Elsewhere['feedAt']
let approved: Elsewhere['approved']
let ready: Elsewhere['ready']
let intend: Elsewhere['intend']
let endLease: Elsewhere['endLease']
let lost: Elsewhere['lost']
let ledger: Elsewhere['ledger']
beforeEach(async () => {
  ;({ scene, feed, where, feedAt, approved, ready, intend, endLease, lost, ledger } =
    await setElsewhere(beside))
})

test('two feeds that lead to one tag of one registry: one of them sets it at a time', async () => {
  const made = await approved()
  // The same place by another prefix: what is a part of it in the one feed is the repository in the other.
  const [short, long] = [await feedAt(''), await feedAt(`${where}/x`)]
  const other = async ({ id }: { id: string }, repository: string) => {
    const name = fresh('lane')
    const policy = parsePolicy({ gates: {}, requestExpiresAfter: { hours: 1 } })
    await addLane(house.api, name, scene.dev.id, id, scene.rita, policy)
    const items = [{ image: 'app:stable', targetRepository: repository, targetTags: ['stable'] }]
    const { request } = await store.requests.create(scene.rita, { lane: name, items })
    const view = await store.requests.approve(scene.anna, request.id, { digest: made.digest })
    return { ...made, id: request.id, promotionId: view.promotion?.id ?? '' }
  }
  const [same, apart] = [await other(short, `${where}/app`), await other(long, 'app')]
  await intend(await ready(made), made)
  await intend(await ready(apart, 1, 'worker-3'), apart)
  const late = await ready(same, 1, 'worker-2')
  await expect(intend(late, same)).rejects.toEqual(refused('tag_held'))
  await endLease()
  await intend(late, same)
})

test.each([
  [
    'https://registry.example',
    [
      'https://registry.example:443',
      'https://Registry.EXAMPLE/',
      'https://registry.example.',
      'https://registry.example.:443/',
      'http://registry.example:80',
    ],
  ],
  [
    'https://registry.example:5000',
    ['https://REGISTRY.example:5000/', 'https://registry.example.:5000', 'http://registry.example:5000'],
  ],
  ['https://[2606:4700::1111]:5000', ['https://[2606:4700:0:0::1111]:5000/']],
])('%s is one place however it is written: %j (invariant 4)', async (url, spellings) => {
  const places = async (...urls: string[]) => {
    const found = new Set<string>()
    for (const one of urls) {
      const made = await store.feeds.create(scene.rita, {
        name: fresh('far'),
        stage: 'far',
        trusted: false,
        remote: { url: one, prefix: 'team', plainHttp: ['registry.example'] },
      })
      const [row] = await scene.sql<{ place: string }>(`select place_of($1, 'app', 'stable') as place`, [
        made.id,
      ])
      found.add(row?.place ?? '')
    }
    return [...found]
  }
  const one = await places(url, ...spellings)
  expect(one).toHaveLength(1)
  const others = [
    'https://registry.example:5001',
    'https://www.registry.example',
    'https://registry.example.org',
  ]
  expect(await places(...others)).toHaveLength(others.length)
  expect(await places(...others)).not.toContain(one[0])
})

describe('invariant 4: one writer a tag', () => {
  test('another promotion waits for the lease, then the first one has lost the tag', async () => {
    const [first, second] = [await approved(), await approved()]
    const [one, two] = [await ready(first), await ready(second, 1, 'worker-2')]
    await intend(one, first)
    await expect(intend(two, second)).rejects.toEqual(refused('tag_held'))
    await endLease()
    await intend(two, second)
    await expect(house.worker.runs.commit(one)).rejects.toEqual(refused('target_moved'))
    await house.worker.runs.commit(two)
    expect(await ledger('stable')).toBe(second.digest)
    await lost(first)
    const again = await scene.begin(first.promotionId, 2, 'worker-3')
    await expect(intend(again, first, second.digest)).rejects.toEqual(refused('target_moved'))
    expect(await ledger('stable')).toBe(second.digest)
  })

  test('a tag that was sent once is free after the commit, one of two attempts only after its lease', async () => {
    const first = await approved()
    const run = await ready(first)
    await intend(run, first)
    await house.worker.runs.commit(run)
    const second = await approved()
    await registryServes(second.tag, first.digest)
    const third = await approvedOver(first.digest)
    const two = await ready(third)
    await intend(two, third, first.digest)
    await lost(third)
    const again = await ready(third, 2, 'worker-2')
    await intend(again, third, first.digest)
    await house.worker.runs.commit(again)
    const fourth = await approvedOver(third.digest)
    const four = await ready(fourth)
    await expect(intend(four, fourth, third.digest)).rejects.toEqual(refused('tag_held'))
    await endLease()
    await intend(four, fourth, third.digest)
    await house.worker.runs.commit(four)
    expect(await ledger('stable')).toBe(fourth.digest)
  })

  /** A request made while the registry serves this under the tag. */
  async function approvedOver(digest: string): Promise<Made> {
    await registryServes('stable', digest)
    return approved()
  }

  async function registryServes(tag: string, digest: string): Promise<void> {
    registry.manifests.set(`${where}/app ${tag}`, registry.asManifest(digest))
  }

  test('two that come at once: one has it', async () => {
    const [first, second] = [await approved(), await approved()]
    const [one, two] = [await ready(first), await ready(second, 1, 'worker-2')]
    const ends = await Promise.allSettled([intend(one, first), intend(two, second)])
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(ends.filter(({ status }) => status === 'rejected')).toMatchObject([
      { reason: { code: 'tag_held' } },
    ])
  })

  test.each([
    ['where it was when the request was made', null, null],
    ['there already', 'own', null],
    ['elsewhere', `sha256:${'a'.repeat(64)}`, 'target_moved'],
  ])('a tag that is %s', async (_, observed, code) => {
    const made = await approved()
    const run = await ready(made)
    const intent = intend(run, made, observed === 'own' ? made.digest : observed)
    const outcome = await intent.then(
      () => null,
      (error: unknown) => error,
    )
    expect(outcome).toEqual(code === null ? null : refused(code))
  })

  test('a tag that was changed by another way is left alone until that is resolved', async () => {
    const first = await approved()
    const run = await ready(first)
    await intend(run, first)
    await house.worker.runs.commit(run)
    const other = await scene.push('app', ['other'])
    await registryServes('stable', first.digest)
    const second = await approved()
    const { at } = await house.worker.remotes.ledger(feed.id)
    await house.worker.remotes.compare(feed.id, {
      at,
      seen: [{ repository: 'app', tag: 'stable', digest: other }],
    })
    await house.worker.remotes.compare(feed.id, {
      at: new Date(Date.now() + 1000),
      seen: [{ repository: 'app', tag: 'stable', digest: other }],
    })
    await house.worker.pool.query(
      `update remote_tag set digest = $2 where name = 'stable' and repository_id in (select id from repository where feed_id = $1)`,
      [feed.id, first.digest],
    )
    const two = await ready(second)
    await expect(intend(two, second, first.digest)).rejects.toEqual(refused('tag_alerted'))
  })

  test('what guard_tag would refuse afterwards is refused before', async () => {
    await scene.sql(`update feed set tag_rules = '{"immutable": ["release"]}' where id = $1`, [feed.id])
    const first = await approved('1.0.0')
    const run = await ready(first)
    await intend(run, first)
    await house.worker.runs.commit(run)
    const { rows } = await house.admin.query<{ ok: boolean }>(
      `select require_tag_move(f, 'app', '1.0.0', $2) is null as ok from feed f where id = $1`,
      [feed.id, first.digest],
    )
    expect(rows).toHaveLength(1)
    await expect(
      house.admin.query(
        `select require_tag_move(f, 'app', '1.0.0', 'sha256:other') from feed f where id = $1`,
        [feed.id],
      ),
    ).rejects.toMatchObject({ message: 'tag_immutable' })
  })
})
