import { cloneDatabase, type TestDatabase, until } from '@sluice/testkit'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import pino from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PromotionJob } from './job.ts'
import { openQueue, type PromotionQueue } from './queue.ts'

const log = pino({ level: 'silent' })
const redisUrl = process.env['SLUICE_TEST_REDIS_URL']

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

/** A queue that notes what it was given. */
async function open(handled: PromotionJob[]): Promise<PromotionQueue> {
  return openQueue({
    databaseUrl: database.workerUrl,
    redisUrl,
    concurrency: 2,
    log,
    handle: async (job) => {
      handled.push(job)
    },
  })
}

/** What an operator's accident, or a Redis without persistence, does. */
async function loseEverything(): Promise<void> {
  if (redisUrl === undefined) return dropTables()
  const redis = new Redis(redisUrl)
  await redis.flushall()
  await redis.quit()
}

async function dropTables(): Promise<void> {
  await owner.query(`do $$ declare name text; begin
    for name in select tablename from pg_tables where schemaname = 'bullmq' loop
      execute format('drop table bullmq.%I cascade', name);
    end loop; end $$`)
}

test('a job comes once to one of two queues, with its ids', async () => {
  const handled: PromotionJob[] = []
  const queues = await Promise.all([open(handled), open(handled)])
  const job = { promotionId: '01890000-0000-7000-8000-000000000001', attempt: 3 }
  await queues[0]?.add(job, 0)
  await until(() => handled.length > 0, { what: 'the job' })
  expect(handled).toEqual([job])
  await Promise.all(queues.map((queue) => queue.close()))
  expect(handled).toEqual([job])
})

test('a job that waits in the queue is not added twice, one that is over may come again', async () => {
  const handled: PromotionJob[] = []
  const queue = await open(handled)
  const job = { promotionId: '01890000-0000-7000-8000-000000000002', attempt: 1 }
  const last = { promotionId: '01890000-0000-7000-8000-000000000003', attempt: 1 }
  await queue.add(job, 300)
  await queue.add(job, 300)
  await queue.add(last, 600)
  await until(() => handled.some(({ promotionId }) => promotionId === last.promotionId), {
    what: 'the last job',
  })
  expect(handled).toEqual([job, last])
  await queue.add(job, 0)
  await until(() => handled.length > 2, { what: 'the job again' })
  await queue.close()
})

test('invariant 6: a queue that lost everything takes jobs again', async () => {
  const handled: PromotionJob[] = []
  const queue = await open(handled)
  await loseEverything()
  const job = { promotionId: '01890000-0000-7000-8000-000000000004', attempt: 1 }
  await until(
    async () => {
      await queue.add(job, 0)
      return true
    },
    { what: 'a queue that takes the job' },
  )
  await until(() => handled.length > 0, { what: 'the job' })
  expect(handled[0]).toEqual(job)
  await queue.close()
})
