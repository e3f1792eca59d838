import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Beside, openBeside } from '../promotion/test-elsewhere.ts'
import { type Ledger, setLedger } from './test-ledger.ts'

let beside: Beside
let house: Beside['house']
let store: Beside['store']
let registry: Beside['registry']
beforeAll(async () => {
  beside = await openBeside()
  ;({ house, store, registry } = beside)
})
afterAll(() => beside.close())

let scene: Ledger['scene']
let feed: Ledger['feed']
let where: Ledger['where']
let open: Ledger['open']
beforeEach(async () => {
  ;({ scene, feed, where, open } = await setLedger(beside))
})

describe('comparing a trusted remote feed with its ledger', () => {
  const hint = (tag: string | null, repository = `${where}/app`) =>
    store.remotes.hint({ id: feed.id, trusted: true }, [
      { repository, tag },
      { repository: 'elsewhere', tag: '1.0.0' },
    ])
  const waiting = () =>
    scene.sql('select repository, tag, due_at > now() as later from remote_hint where feed_id = $1', [
      feed.id,
    ])

  test('a hint of the registry makes a worker look, whichever it is, and is not believed itself', async () => {
    const looked = () => house.worker.remotes.followHints(() => undefined)
    await hint('1.0.0')
    expect(await waiting()).toEqual([{ repository: `${where}/app`, tag: '1.0.0', later: false }])
    expect(await looked()).toEqual({ raised: 0, resolved: 0 })
    expect(await waiting()).toEqual([])
    registry.image(`${where}/app`, ['1.0.0', 'evil'])
    await hint('evil')
    expect(await looked()).toEqual({ raised: 1, resolved: 0 })
    await hint(null)
    expect(await looked()).toEqual({ raised: 1, resolved: 0 })
    expect((await open()).map(({ tag }) => tag).sort()).toEqual(['1.0.0', 'evil'])
    expect(await looked()).toEqual({ raised: 0, resolved: 0 })
  })

  test('a hint stays until the registry answers; what was said again meanwhile is looked at again', async () => {
    await hint('1.0.0')
    const told: string[] = []
    registry.state.instead = (_req, res) => {
      res.writeHead(503).end()
      return true
    }
    await house.worker.remotes.followHints((feedId, { code }) => told.push(`${feedId} ${code}`))
    expect(told).toEqual([`${feed.id} remote_unavailable`])
    expect(await waiting()).toMatchObject([{ later: true }])
    let again = Promise.resolve()
    registry.state.instead = () => {
      again = again.then(() => hint('1.0.0'))
      return false
    }
    await hint('1.0.0')
    await house.worker.remotes.followHints(() => undefined)
    await again
    registry.state.instead = () => false
    expect(await waiting()).toMatchObject([{ later: false }])
    await house.worker.remotes.followHints(() => undefined)
    expect(await waiting()).toEqual([])
  })

  test('very many hints of one feed become one of the repository', async () => {
    const many = Array.from({ length: 1_000 }, (_, i) => ({ repository: `${where}/app`, tag: `t${i}` }))
    await store.remotes.hint({ id: feed.id, trusted: true }, many)
    await hint('one-more')
    expect(await waiting()).toHaveLength(1_001)
    await hint('and-more')
    expect((await waiting()).filter(({ tag }) => tag === '')).toHaveLength(1)
    await scene.sql('delete from remote_hint where feed_id = $1', [feed.id])
  })
})
