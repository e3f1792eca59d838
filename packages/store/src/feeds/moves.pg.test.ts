import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type House, openHouse, setScene } from '../promotion/test-scene.ts'

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

/** Two images under moving tags in dev, one of them promoted, and a tag that was removed. */
async function moved() {
  const scene = await setScene(house)
  const { dev, trusted, rita, robot } = scene
  const one = await scene.push('app', ['1.0.0', 'edge'])
  const two = await scene.push('app', ['edge', '1.1.0'], { by: robot })
  await scene.push('other', ['edge'])
  await house.api.feedIndex.deleteTag({ feed: dev, repository: 'app' }, 'edge', rita.principalId)
  const { promotionId } = await scene.approved('app:1.0.0')
  await scene.promote(promotionId)
  const both = { limit: 50, visibleFeedIds: [dev.id, trusted.id] }
  const moves = async (filter: object = {}) => (await house.api.feeds.moves({ ...both, ...filter })).items
  const said = async (filter: object = {}) =>
    (await moves(filter)).map(
      ({ feed, repository, tag }) => `${feed === dev.name ? 'dev' : 'trusted'}/${repository}:${tag}`,
    )
  return { scene, one, two, both, moves, said }
}

test('every move of what may be seen, the newest first, with who, when and why', async () => {
  const { scene, one, two, moves, said } = await moved()
  expect(await said()).toEqual([
    'trusted/app:1.0.0',
    'dev/app:edge',
    'dev/other:edge',
    'dev/app:edge',
    'dev/app:1.1.0',
    'dev/app:edge',
    'dev/app:1.0.0',
  ])
  const [promoted, removed] = await moves()
  expect(promoted).toMatchObject({
    from: null,
    to: one,
    by: null,
    requester: scene.rita.name,
    approvers: [scene.anna.name],
    reason: null,
    event: null,
  })
  expect(removed).toMatchObject({ from: two, to: null, by: scene.rita.name, promotionId: null })
  expect(await said({ visibleFeedIds: [scene.trusted.id] })).toEqual(['trusted/app:1.0.0'])
  expect(await said({ visibleFeedIds: [] })).toEqual([])
})

test('filters narrow it, alone and together', async () => {
  const { scene, one, two, said } = await moved()
  const { dev, trusted, rita, anna, otto, robot } = scene
  const cases: [object, string[]][] = [
    [{ feed: trusted.name }, ['trusted/app:1.0.0']],
    [{ feed: trusted.name, visibleFeedIds: [dev.id] }, []],
    [{ feed: 'nothing' }, []],
    [{ repository: 'other' }, ['dev/other:edge']],
    [{ repository: 'app', tag: '1.0.0' }, ['trusted/app:1.0.0', 'dev/app:1.0.0']],
    [{ tag: 'edge' }, ['dev/app:edge', 'dev/other:edge', 'dev/app:edge', 'dev/app:edge']],
    // A digest is found where a tag came to it, and where one left it.
    [{ digest: one }, ['trusted/app:1.0.0', 'dev/app:edge', 'dev/app:edge', 'dev/app:1.0.0']],
    [{ digest: two, tag: 'edge' }, ['dev/app:edge', 'dev/app:edge']],
    [{ actor: `robot:${robot.name}` }, ['dev/app:1.1.0', 'dev/app:edge']],
    [{ actor: anna.name }, ['trusted/app:1.0.0']],
    [{ actor: otto.name }, []],
    [{ actor: 'nobody' }, []],
    [{ actor: rita.name, tag: 'edge', repository: 'app' }, ['dev/app:edge', 'dev/app:edge']],
    [{ actor: anna.name, digest: one }, ['trusted/app:1.0.0']],
    [{ since: new Date(Date.now() + 60_000) }, []],
    [{ until: new Date(Date.now() - 60_000) }, []],
    [{ tag: '1.0.0', since: new Date(Date.now() - 60_000) }, ['trusted/app:1.0.0', 'dev/app:1.0.0']],
  ]
  for (const [filter, expected] of cases) {
    // The tags of one push are written in no order that matters.
    expect([filter, (await said(filter)).toSorted()]).toEqual([filter, expected.toSorted()])
  }
})

test('pages follow one another whatever the filter, and a wrong place is named', async () => {
  const { both, moves, one } = await moved()
  for (const filter of [{}, { digest: one }, { tag: 'edge' }]) {
    const found = []
    let after: string | null = null
    do {
      const page = await house.api.feeds.moves({ ...both, ...filter, limit: 2, after })
      found.push(...page.items)
      after = page.next
    } while (after !== null)
    expect(found).toEqual(await moves(filter))
  }
  await expect(house.api.feeds.moves({ ...both, after: 'x' })).rejects.toMatchObject({
    code: 'invalid',
    field: 'after',
  })
})

test('nobody writes a feed into a move but the trigger', async () => {
  const { scene } = await moved()
  const wrong = await scene.sql(
    'select m.id from tag_move m join repository r on r.id = m.repository_id where m.feed_id <> r.feed_id',
  )
  expect(wrong).toEqual([])
})

test('a page costs what it shows, however many moves there are', async () => {
  const { scene, both, one } = await moved()
  const address = { feed: scene.dev, repository: 'app' }
  const [repository] = await scene.sql<{ id: string }>(
    'select id from repository where feed_id = $1 and name = $2',
    [address.feed.id, address.repository],
  )
  await scene.sql(
    `insert into tag_move (repository_id, tag, to_digest, actor_id, at)
     select $1, 'build-' || n, $2, $3, now() - n * interval '1 second' from generate_series(1, 50000) n`,
    [repository?.id, `sha256:${'9'.repeat(64)}`, scene.rita.principalId],
  )
  await scene.sql('analyze tag_move')
  const asked = vi.spyOn(house.api.pool, 'query')
  const read = async (filter: object): Promise<number> => {
    await house.api.feeds.moves({ ...both, limit: 20, ...filter })
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one of the overloads of query
    const [text, values] = asked.mock.lastCall as unknown as [string, unknown[]]
    const [row] = await scene.sql<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
      `explain (analyze, timing off, format json) ${text}`,
      values,
    )
    return row === undefined ? Number.NaN : rowsOf(row['QUERY PLAN'][0].Plan)
  }
  for (const filter of [
    {},
    { feed: scene.dev.name },
    { repository: 'app' },
    { tag: 'edge' },
    { digest: one },
    { actor: scene.rita.name },
    { actor: scene.anna.name },
    { until: new Date(Date.now() - 20_000_000) },
  ]) {
    expect([filter, (await read(filter)) < 2_000]).toEqual([filter, true])
  }
  asked.mockRestore()
})

type Plan = {
  readonly 'Actual Rows': number
  readonly 'Actual Loops': number
  readonly 'Rows Removed by Filter'?: number
  readonly Plans?: readonly Plan[]
}

/** Rows that a plan has touched, in all its nodes. */
const rowsOf = (plan: Plan): number =>
  (plan['Actual Rows'] + (plan['Rows Removed by Filter'] ?? 0)) * plan['Actual Loops'] +
  (plan.Plans ?? []).reduce((sum, part) => sum + rowsOf(part), 0)
