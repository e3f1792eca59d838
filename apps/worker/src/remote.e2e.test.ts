import { openRegistry, type Repository, verifyGraph } from '@sluice/oci'
import { expect, test } from 'vitest'
import { type Served, startFeed } from '../../../tests/copy/feed-registry.ts'
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
  expect(await count(scene, `current_tag t ${trusted} where t.name = $1 and t.digest = $2`, [tag, digest])).toBe(1)
}

test.each(PAIRS)('%s: the whole image under its tag', async (_, fromElsewhere, toElsewhere) => {
  const [from, to] = [await startFeed(), await startFeed()]
  const scene = await openScene({ ...(fromElsewhere && { from }), ...(toElsewhere && { to }) })
  await scene.spawn()
  const approved = await scene.approve('1.0.0', 300_000)
  await scene.ended(approved.promotionId)
  await expectLedger(scene, approved)
  if (toElsewhere) {
    const registry = repositoryOf(to)
    const resolved = await registry.resolve('1.0.0')
    expect(resolved?.digest).toBe(approved.digest)
    if (resolved !== null) expect(await verifyGraph({ registry, root: resolved })).toMatchObject({ manifests: 3 })
    expect(await count(scene, 'repository_blob rb join repository r on r.id = rb.repository_id join feed f on f.id = r.feed_id where f.trusted')).toBe(0)
  } else {
    const { rows } = await scene.owner.query<{ digest: string }>(
      `select digest from closure_member where request_id = $1 and kind = 'blob'`,
      [approved.requestId],
    )
    const feed = await scene.api.feedIndex.findFeed('trusted')
    if (feed === null) throw new Error('the feed trusted is missing')
    for (const { digest } of rows) {
      expect(await scene.api.feedIndex.findBlob({ feed, repository: REPOSITORY }, digest)).toMatchObject({ digest })
    }
  }
  await scene.close()
  await Promise.all([from.stop(), to.stop()])
})
