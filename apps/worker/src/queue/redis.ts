import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { type Backend, type BackendOptions, QUEUE_NAME, WORKER_TIMES } from './station.ts'

// Several programs may share one Redis.
const prefix = 'sluice'

/** BullMQ on Redis or Valkey. One that was flushed needs no preparation: its keys come with the jobs. */
export function openRedisBackend({ url, concurrency, process }: BackendOptions): Backend {
  // Adding must fail at once where the server is down, or the relay would hang in its transaction; taking jobs
  // waits for it as long as it takes.
  const producer = new Redis(url, { enableOfflineQueue: false, maxRetriesPerRequest: 1, lazyConnect: true })
  const consumer = new Redis(url, { maxRetriesPerRequest: null, lazyConnect: true })
  // Both connect again by themselves, and whoever waits for an answer hears of it.
  for (const client of [producer, consumer]) client.on('error', () => undefined)
  return {
    async prepare() {
      if (producer.status === 'wait') await producer.connect()
      await producer.ping()
    },
    build: () => ({
      queue: new Queue(QUEUE_NAME, { connection: producer, prefix, skipWaitingForReady: true }),
      worker: new Worker(QUEUE_NAME, (job) => process(job.data), {
        ...WORKER_TIMES,
        connection: consumer,
        prefix,
        concurrency,
        autorun: false,
      }),
    }),
    close() {
      producer.disconnect()
      consumer.disconnect()
    },
  }
}
