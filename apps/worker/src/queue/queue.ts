import type { Logger } from 'pino'
import { openPostgresBackend } from './postgres.ts'
import { openRedisBackend } from './redis.ts'

/** Names the execution to begin; everything else is read from Postgres when it begins. */
export interface PromotionJob {
  readonly promotionId: string
  readonly attempt: number
}

export type JobHandler = (job: PromotionJob) => Promise<void>

export interface QueueOptions {
  readonly databaseUrl: string
  /** BullMQ on Redis when given, else on the database. */
  readonly redisUrl: string | undefined
  /** Jobs at once. */
  readonly concurrency: number
  readonly handle: JobHandler
  readonly log: Logger
}

/**
 * The promotions that are due, at least once each. It may lose everything at any moment (invariant 6): the
 * QUEUED rows are the truth, and the relay hands them over again.
 */
export interface PromotionQueue {
  /** A job that is in the queue already is not added twice. Rejects, soon, when the queue cannot be reached. */
  add(job: PromotionJob, delayMs: number): Promise<void>
  /** Takes no more jobs; resolves when those that run are over. */
  close(): Promise<void>
}

/** A queue and a worker of BullMQ; the little of them that both backends are used for. */
export interface Station {
  readonly queue: {
    add(name: string, data: PromotionJob, options: object): Promise<unknown>
    on(event: 'error', listener: (error: Error) => void): unknown
    close(): Promise<void>
  }
  readonly worker: {
    on(event: 'error', listener: (error: Error) => void): unknown
    run(): Promise<void>
    close(force?: boolean): Promise<void>
  }
}

export interface Backend {
  /** Makes what the queue lives in, where it is missing or damaged. Rejects while it cannot be reached. */
  prepare(): Promise<void>
  build(): Station
  /** After its stations. */
  close(): Promise<void>
}

export const QUEUE_NAME = 'promotions'

/** Milliseconds. A job whose worker died is given to another one after these; its lease decides first. */
export const WORKER_TIMES = {
  lockDuration: 15_000,
  stalledInterval: 5_000,
  // Left at its 15 s, workers idle for as long after a crash of Postgres.
  runRetryDelay: 1_000,
}

const repairPauseMs = 500

/** Opens the queue and begins to take jobs from it. `handle` must not reject for what it can settle. */
export async function openQueue(options: QueueOptions): Promise<PromotionQueue> {
  const { databaseUrl, redisUrl, log, concurrency } = options
  // Those that a thrown-away worker had taken go on, too.
  const running = new Set<Promise<void>>()
  const process = (data: unknown): Promise<void> => {
    const job = takeJob(data, options).finally(() => running.delete(job))
    running.add(job)
    return job
  }
  const backend =
    redisUrl === undefined
      ? openPostgresBackend(databaseUrl, concurrency, process)
      : openRedisBackend(redisUrl, concurrency, process)
  let closing = false
  let station: Station | undefined
  let repairing: Promise<void> | undefined

  const open = async (): Promise<void> => {
    await backend.prepare()
    const { queue, worker } = (station = backend.build())
    const failed = (err: Error): void => {
      if (station?.worker === worker) repair(err)
    }
    queue.on('error', failed)
    worker.on('error', failed)
    worker.run().catch(failed)
  }

  // A worker that meets an error asks again at once, thousands of times a second, and one that could not begin
  // never tries again. So whatever fails, it is thrown away, and after a pause the queue is opened as at the start:
  // its tables can be dropped while it is in use.
  const repair = (err: unknown): void => {
    if (closing || repairing !== undefined) return
    log.warn({ err }, 'queue failed, and is opened again')
    const broken = station
    station = undefined
    repairing = (async () => {
      await broken?.worker.close(true)
      await broken?.queue.close()
      await new Promise((resolve) => setTimeout(resolve, repairPauseMs))
    })()
      .then(() => (closing ? undefined : open()))
      .then(
        () => (repairing = undefined),
        (err) => {
          repairing = undefined
          repair(err)
        },
      )
  }

  try {
    await open()
  } catch (error) {
    await backend.close()
    throw error
  }
  return {
    async add(job, delayMs) {
      if (station === undefined) throw new Error('the queue is being repaired')
      const jobId = `${job.promotionId}-${job.attempt}`
      try {
        await station.queue.add('promote', job, {
          jobId,
          delay: delayMs,
          removeOnComplete: true,
          removeOnFail: true,
        })
      } catch (error) {
        repair(error)
        throw error
      }
    },
    async close() {
      closing = true
      await repairing
      await station?.worker.close()
      await Promise.allSettled(running)
      await station?.queue.close()
      await backend.close()
    },
  }
}

/** What comes out of the queue was not necessarily put there by us. */
async function takeJob(data: unknown, { handle, log }: QueueOptions): Promise<void> {
  const { promotionId, attempt } = (data ?? {}) as Record<string, unknown>
  if (typeof promotionId !== 'string' || !Number.isSafeInteger(attempt)) {
    log.warn('job without ids dropped')
    return
  }
  await handle({ promotionId, attempt: attempt as number })
}
