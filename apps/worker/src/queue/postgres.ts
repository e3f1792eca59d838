import { createPostgresBackend, type PgPool, withBackend } from 'bullmq'
import pg from 'pg'
import { type Backend, QUEUE_NAME, WORKER_TIMES } from './queue.ts'
import { prepareSchema, QUEUE_ROLE, QUEUE_SCHEMA } from './schema.ts'

const { Queue, Worker } = withBackend(createPostgresBackend)

/** BullMQ in the database, under a role that reaches nothing but its own schema. */
export function openPostgresBackend(
  databaseUrl: string,
  concurrency: number,
  process: (data: unknown) => Promise<void>,
): Backend {
  const pool = new pg.Pool({
    connectionString: asQueue(databaseUrl),
    // One listens; each job that ends and each that is added needs one for a moment.
    max: 4,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    application_name: 'sluice queue',
  })
  // An idle connection that Postgres closes is replaced; without a listener it would end the process.
  pool.on('error', () => undefined)
  // The types of `pg` and BullMQ's picture of them differ in the overloads of `on`.
  const connection = pool as unknown as PgPool
  return {
    async prepare() {
      const client = await pool.connect()
      // Not given back: it holds a lock of its session.
      await prepareSchema(client).finally(() => client.release(true))
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
    close: () => pool.end(),
  }
}

function asQueue(databaseUrl: string): string {
  const url = new URL(databaseUrl)
  const given = url.searchParams.get('options')
  const ours = `-c role=${QUEUE_ROLE} -c search_path=${QUEUE_SCHEMA}`
  url.searchParams.set('options', given === null ? ours : `${given} ${ours}`)
  return url.href
}
