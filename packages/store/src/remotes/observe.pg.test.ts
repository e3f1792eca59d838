import { memoryStorage } from '@sluice/feed/storage'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Beside, fresh, openBeside } from '../promotion/test-elsewhere.ts'
import { setScene } from '../promotion/test-scene.ts'

let beside: Beside
beforeAll(async () => {
  beside = await openBeside()
})
afterAll(() => beside.close())

describe('what was seen in a remote repository', () => {
  test('is forgotten when nothing has named or awaited it for long', async () => {
    const { house, store, registry } = beside
    const scene = await setScene(house)
    const where = fresh('team')
    const source = await store.feeds.create(scene.rita, {
      name: fresh('src'),
      stage: 'far',
      trusted: false,
      remote: { url: registry.url, prefix: where, plainHttp: 'loopback' },
    })
    const named = registry.image(`${where}/kept`, ['1'])
    const loose = registry.index(`${where}/kept`, [])
    const connected = await store.remotes.connect(source.id)
    if (connected === null) throw new Error('it is remote')
    const place = { feedId: source.id, repository: 'kept', at: connected.repository('kept') }
    await store.remotes.observe(place, { images: ['1', loose.digest] })
    const held = async () =>
      (
        await scene.sql<{ digest: string }>(
          `select m.digest from repository_manifest m join repository r on r.id = m.repository_id where r.feed_id = $1`,
          [source.id],
        )
      ).map((row) => row.digest)
    expect(await held()).toHaveLength(4)
    const collect = () => house.worker.collector.collect(memoryStorage())
    await collect()
    expect(await held()).toHaveLength(4)
    await scene.unguarded(
      'repository_manifest',
      `update repository_manifest set pushed_at = now() - interval '91 days' where repository_id in (select id from repository where feed_id = $1)`,
      [source.id],
    )
    // What an index holds goes after it: in the same pass, or in the next.
    const [first, second] = [await collect(), await collect()]
    expect((first?.forgotten ?? 0) + (second?.forgotten ?? 0)).toBe(3)
    expect(await held()).toEqual([named])
  })
})
