import { digestOf, OCI_INDEX } from '@sluice/oci'
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

  test('nothing is raised where the registry calls by sha256 what was promoted by sha512', async () => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] }))
    const wide = digestOf(bytes, 'sha512')
    const [{ repository } = { repository: '' }] = await scene.sql<{ repository: string }>(
      'select id as repository from repository where feed_id = $1',
      [feed.id],
    )
    const admission = crypto.randomUUID()
    await scene.asOwner(`insert into manifest (digest, bytes, kind) values ($1, $2, 'index')`, [wide, bytes])
    await scene.sql(
      `insert into admission (id, feed_id, repository_id, digest, promotion_id, position, bound_hash, entry_id)
       select $1, feed_id, repository_id, $2, promotion_id, 1, bound_hash, entry_id from admission where repository_id = $3`,
      [admission, wide, repository],
    )
    await scene.asOwner(
      'insert into repository_manifest (repository_id, digest, media_type, admission_id) values ($1, $2, $3, $4)',
      [repository, wide, OCI_INDEX, admission],
    )
    await scene.asOwner('update tag set digest = $2 where repository_id = $1', [repository, wide])
    const looked = async () => {
      await hint('1.0.0')
      await house.worker.remotes.followHints(() => undefined)
      return (await open()).map(({ expected, seen }) => ({ expected, seen }))
    }
    registry.manifests.set(`${where}/app 1.0.0`, { bytes, type: OCI_INDEX })
    expect(await looked()).toEqual([])
    const rows = await scene.sql('select digest from remote_tag where repository_id = $1', [repository])
    // As the next request for this tag finds it, and as its worker will.
    expect(rows).toEqual([{ digest: digestOf(bytes) }])
    const theirs = registry.image(`${where}/app`, ['1.0.0'])
    expect(await looked()).toEqual([{ expected: wide, seen: theirs }])
  })
})
