import { cachedContentContract, feedIndexContract, type IndexUnderTest } from '@sluice/feed/contract-test'
import { cloneDatabase } from '@sluice/testkit'
import { Client } from 'pg'
import { afterAll, beforeAll } from 'vitest'
import { newId, openStore, type Store } from '../index.ts'

let database: Awaited<ReturnType<typeof cloneDatabase>>
let store: Store
let admin: Client

beforeAll(async () => {
  database = await cloneDatabase()
  store = await openStore({ url: database.apiUrl })
  admin = new Client({ connectionString: database.ownerUrl })
  await admin.connect()
})

afterAll(async () => {
  await admin.end()
  await store.close()
  await database.drop()
})

/** Feeds of their own for every case; the blobs, which all share, are emptied by the superuser. */
async function make(): Promise<IndexUnderTest> {
  await admin.query('truncate blob cascade')
  const [feed, other, alice, bob] = [newId(), newId(), newId(), newId()]
  const names = [`now-${feed}`, `then-${feed}`, `other-${feed}`] as const
  await admin.query(`insert into feed (id, stage, trusted) values ($1, 'dev', false), ($2, 'dev', false)`, [
    feed,
    other,
  ])
  await admin.query(
    `insert into feed_name (name, feed_id, is_current) values ($1, $4, true), ($2, $4, false), ($3, $5, true)`,
    [...names, feed, other],
  )
  await admin.query(`insert into principal values ($1, 'person'), ($2, 'person')`, [alice, bob])
  return {
    index: store.feedIndex,
    feedName: names[0],
    formerName: names[1],
    otherFeedName: names[2],
    principals: [alice, bob],
  }
}

feedIndexContract('postgres', make)

cachedContentContract('postgres', async () => {
  await admin.query('truncate blob cascade')
  const id = newId()
  await admin.query(`insert into feed (id, kind, stage, trusted) values ($1, 'proxy', 'hub', false)`, [id])
  await admin.query(`insert into feed_name (name, feed_id, is_current) values ($1, $2, true)`, [
    `hub-${id}`,
    id,
  ])
  return { index: store.feedIndex, proxyName: `hub-${id}` }
})
