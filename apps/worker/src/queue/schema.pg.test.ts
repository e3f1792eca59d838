import { cloneDatabase, type TestDatabase } from '@sluice/testkit'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { prepareSchema } from './schema.ts'

let database: TestDatabase
let owner: Client
beforeAll(async () => {
  database = await cloneDatabase()
  owner = new Client({ connectionString: database.ownerUrl })
  await owner.connect()
})
afterAll(async () => {
  await owner.end()
  await database.drop()
})

async function prepare(): Promise<void> {
  const client = new Client({
    connectionString: database.workerUrl,
    options: '-c role=sluice_queue -c search_path=bullmq',
  })
  await client.connect()
  try {
    await prepareSchema(client)
  } finally {
    await client.end()
  }
}

const jobs = async (): Promise<number> =>
  (await owner.query<{ n: number }>('select count(*)::int as n from bullmq.job')).rows[0]?.n ?? -1

const addJob = (id: string) =>
  owner.query(`set search_path = bullmq; insert into job (queue, id, seq, name, state, added_at_ms)
    values ('q', '${id}', nextval('job_seq'), 'n', 'waiting', 0)`)

test('several processes prepare at once, and again, and keep the jobs', async () => {
  await Promise.all([prepare(), prepare(), prepare()])
  await addJob('one')
  await prepare()
  expect(await jobs()).toBe(1)
})

test.each([
  ['a table', 'drop table bullmq.event cascade'],
  ['the jobs', 'drop table bullmq.job cascade'],
  ['a column', 'alter table bullmq.job drop column priority cascade'],
  ['an index', 'drop index bullmq.job_ready_idx'],
  ['a function', 'drop function bullmq.next_signal cascade'],
  ['a type', 'drop type bullmq.job_state cascade'],
  ['the record of migrations', 'truncate bullmq.migration'],
  ['the signature', `comment on schema bullmq is null`],
])('%s that is lost comes back', async (_, accident) => {
  await prepare()
  await owner.query(accident)
  await prepare()
  expect(await jobs()).toBe(0)
  await addJob('one')
  await prepare()
  expect(await jobs()).toBe(1)
})

test('without the schema itself the owner has to help', async () => {
  await owner.query('drop schema bullmq cascade')
  await expect(prepare()).rejects.toMatchObject({ name: 'WorkerError', code: 'queue_schema_missing' })
})
