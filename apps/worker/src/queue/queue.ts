import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { type PromotionJob, readJob } from './job.ts'
import { openPostgresBackend } from './postgres.ts'
import { openRedisBackend } from './redis.ts'
import type { Station } from './station.ts'

export interface QueueOptions {
  readonly databaseUrl: string
  /** BullMQ on Redis when given, else on the database. */
  readonly redisUrl: string | undefined
  /** Jobs at once. */
  readonly concurrency: number
  /** Rejects only for what it cannot settle. */
  readonly handle: (job: PromotionJob) => Promise<void>
  readonly log: Logger
}

/**
 * The promotions that are due, at least once each. It may lose everything at any moment (invariant 6): the QUEUED
 * rows are the truth, and the relay hands them over again.
 */
export interface PromotionQueue {
  /** A job that is in the queue already is not added twice. Rejects, soon, when the queue cannot be reached. */
  add(job: PromotionJob, delayMs: number): Promise<void>
  /** Takes no more jobs; resolves when those that run are over. */
  close(): Promise<void>
}

const REPAIR_PAUSE_MS = 500
/** A broken connection may never answer that it is closed. */
const DISPOSE_MS = 5_000

/** Opens the queue and begins to take jobs from it. @throws WorkerError queue_schema_missing; what the backend says */
export async function openQueue(options: QueueOptions): Promise<PromotionQueue> {
  const { databaseUrl, redisUrl, concurrency, handle, log } = options
  // Those that a thrown-away worker had taken go on, too.
  const running = new Set<Promise<void>>()
  const process = async (data: unknown): Promise<void> => {
    const job = readJob(data)
    if (job === null) return log.warn('job without ids dropped')
    const handled = handle(job)
    running.add(handled)
    try {
      await handled
    } finally {
      running.delete(handled)
    }
  }
  const backend =
    redisUrl === undefined
      ? openPostgresBackend({ url: databaseUrl, concurrency, process })
      : openRedisBackend({ url: redisUrl, concurrency, process })
  let closing = false
  let station: Station | undefined
  let repairing: Promise<void> | undefined

  const open = async (): Promise<void> => {
    await backend.prepare()
    const opened = backend.build()
    station = opened
    const failed = (err: unknown): void => {
      if (station === opened) repair(err)
    }
    opened.queue.on('error', failed)
    opened.worker.on('error', failed)
    opened.worker.run().catch(failed)
  }

  // A worker that meets an error asks again at once, thousands of times a second, and one that could not begin never
  // tries again. So whatever fails, it is thrown away, and after a pause the queue is opened as at the start: its
  // tables can be dropped while it is in use.
  const repair = (err: unknown): void => {
    if (closing || repairing !== undefined) return
    log.warn({ err }, 'queue failed, and is opened again')
    repairing = reopen()
  }
  const reopen = async (): Promise<void> => {
    const broken = station
    station = undefined
    await broken?.worker.pause(true)
    // BullMQ stops to listen for errors before its connections are closed. When all of them break at once, the
    // others tell of it in this pause; afterwards it would end the process.
    await sleep(REPAIR_PAUSE_MS)
    await Promise.race([dispose(broken), sleep(DISPOSE_MS)])
    let again: unknown
    if (!closing) await open().catch((err: unknown) => (again = err))
    repairing = undefined
    if (again !== undefined) repair(again)
  }

  const dispose = async (broken: Station | undefined): Promise<void> => {
    try {
      await broken?.worker.close(true)
      await broken?.queue.close()
    } catch (err) {
      log.warn({ err }, 'broken queue not closed')
    }
  }

  try {
    await open()
  } catch (error) {
    backend.close()
    throw error
  }
  return {
    async add(job, delayMs) {
      if (station === undefined) throw new Error('the queue is being opened again')
      const jobId = `${job.promotionId}-${job.attempt}`
      const keep = { removeOnComplete: true, removeOnFail: true }
      try {
        await station.queue.add('promote', job, { jobId, delay: delayMs, ...keep })
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
      backend.close()
    },
  }
}
