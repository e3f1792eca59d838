import { createPostgresBackend, withBackend } from 'bullmq'
import { Client, type ClientConfig } from 'pg'
import { prepareSchema, QUEUE_ROLE, QUEUE_SCHEMA } from './schema.ts'
import { type Backend, type BackendOptions, QUEUE_NAME, WORKER_TIMES } from './station.ts'

const { Queue, Worker } = withBackend(createPostgresBackend)

/**
 * What breaks a connection between two queries is told by the next query. BullMQ takes connections without listening
 * for it, and it would end the process.
 */
class QuietClient extends Client {
  constructor(config?: ClientConfig) {
    super(config)
    this.on('error', () => undefined)
  }
}

/** BullMQ in the database, under a role that reaches nothing but its own schema. */
export function openPostgresBackend({ url, concurrency, process }: BackendOptions): Backend {
  const connectionString = asQueue(url)
  // Each pool is BullMQ's own, and new with each station.
  const connection = {
    connectionString,
    Client: QuietClient,
    schema: QUEUE_SCHEMA,
    max: 3,
    connectionTimeoutMillis: 5_000,
    query_timeout: 15_000,
    keepAlive: true,
    application_name: 'sluice queue',
  }
  return {
    async prepare() {
      const client = new QuietClient({ connectionString, connectionTimeoutMillis: 5_000 })
      try {
        await client.connect()
        await prepareSchema(client)
      } finally {
        await client.end()
      }
    },
    build: () => ({
      queue: new Queue(QUEUE_NAME, { connection }),
      worker: new Worker(QUEUE_NAME, (job) => process(job.data), {
        ...WORKER_TIMES,
        connection,
        concurrency,
        autorun: false,
      }),
    }),
    close: () => undefined,
  }
}

/** The same database in the queue's role, which `sluice_worker` may put on. */
function asQueue(databaseUrl: string): string {
  const url = new URL(databaseUrl)
  const given = url.searchParams.get('options')
  const ours = `-c role=${QUEUE_ROLE} -c search_path=${QUEUE_SCHEMA}`
  url.searchParams.set('options', given === null ? ours : `${given} ${ours}`)
  return url.href
}
