import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { Writable } from 'node:stream'
import type { BlobStorage } from '@sluice/feed'
import { memoryStorage, openStorage } from '@sluice/feed/storage'
import { digestOf } from '@sluice/oci'
import { newId, openStore, type Store } from '@sluice/store'
import { cloneDatabase, until } from '@sluice/testkit'
import { Client } from 'pg'
import pino from 'pino'
import { beforeEach, expect, test } from 'vitest'
import { startUpkeep } from './upkeep.ts'

let store: Store
let owner: Client
let storage: BlobStorage
const lines: string[] = []
const log = pino(
  new Writable({
    write(line, _, done) {
      lines.push(String(line))
      done()
    },
  }),
)

beforeEach(async () => {
  lines.length = 0
  const database = await cloneDatabase()
  const folder = await mkdtemp(path.join(os.tmpdir(), 'sluice-upkeep-'))
  store = await openStore({ url: database.workerUrl })
  owner = new Client({ connectionString: database.ownerUrl })
  await owner.connect()
  storage = await openStorage({ dataDir: folder })
  return async () => {
    await owner.end()
    await store.close()
    await database.drop()
    await rm(folder, { recursive: true, force: true })
  }
})

/** A blob that no repository holds, days old. */
async function addBlob(stored: Buffer, digest = digestOf(stored)): Promise<string> {
  const key = `blobs/${newId()}`
  await storage.append(
    key,
    0,
    (async function* () {
      yield stored
    })(),
  )
  await storage.seal(key, stored.length)
  await owner.query(
    `insert into blob (digest, size, storage_key, stored_at, scrubbed_at) values ($1, $2, $3, now() - interval '9 days', 'epoch')`,
    [digest, stored.length, key],
  )
  return digest
}

const told = (what: string) => until(() => lines.some((line) => line.includes(what)), { what })

test('garbage goes, as soon as the worker runs', async () => {
  await addBlob(randomBytes(100))
  const upkeep = startUpkeep(store.collector, storage, log)
  await told('garbage collected')
  await upkeep.stop()
  expect((await owner.query('select from blob')).rowCount).toBe(0)
})

test('damage is an error in the log, an entry, and a blob that is hidden', async () => {
  // Held by a repository, so that it is no garbage.
  const digest = await addBlob(randomBytes(100), digestOf(randomBytes(100)))
  const [feed, repository] = [newId(), newId()]
  await owner.query(`insert into feed (id, stage, trusted) values ($1, 'dev', false)`, [feed])
  await owner.query(`insert into repository (id, feed_id, name) values ($1, $2, 'app')`, [repository, feed])
  await owner.query('insert into repository_blob (repository_id, digest) values ($1, $2)', [
    repository,
    digest,
  ])
  const upkeep = startUpkeep(store.collector, storage, log)
  await told('blob is damaged')
  await upkeep.stop()
  const { rows } = await owner.query('select quarantined_at is not null as hidden from blob')
  expect(rows).toEqual([{ hidden: true }])
  expect((await owner.query(`select from audit_entry where type = 'blob.quarantined'`)).rowCount).toBe(1)
})

test('a storage that holds none of the blobs is an error in the log, and nothing is called damaged', async () => {
  await addBlob(randomBytes(100))
  await owner.query(`update blob set stored_at = now()`)
  const upkeep = startUpkeep(store.collector, memoryStorage(), log)
  await told('not the one of this database')
  await upkeep.stop()
  const { rows } = await owner.query('select quarantined_at from blob')
  expect(rows).toEqual([{ quarantined_at: null }])
})
