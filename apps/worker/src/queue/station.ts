import type { PromotionJob } from './job.ts'

/** A queue and a worker of BullMQ; the little of them that is used, on either backend. */
export interface Station {
  readonly queue: {
    add(name: string, data: PromotionJob, options: object): Promise<unknown>
    on(event: 'error', listener: (error: Error) => void): unknown
    close(): Promise<void>
  }
  readonly worker: {
    on(event: 'error', listener: (error: Error) => void): unknown
    run(): Promise<void>
    pause(doNotWaitActive: boolean): Promise<void>
    close(force?: boolean): Promise<void>
  }
}

export interface Backend {
  /** Makes what the queue lives in, where it is missing or damaged. Rejects while it cannot be reached. */
  prepare(): Promise<void>
  build(): Station
  /** After its stations. */
  close(): void
}

export interface BackendOptions {
  readonly url: string
  /** Jobs at once. */
  readonly concurrency: number
  readonly process: (data: unknown) => Promise<void>
}

export const QUEUE_NAME = 'promotions'

/** Milliseconds. A job whose worker died is given to another one after these; its lease decides first. */
export const WORKER_TIMES = {
  lockDuration: 15_000,
  stalledInterval: 5_000,
  // Left at its 15 s, workers idle for as long after a crash of Postgres.
  runRetryDelay: 1_000,
}
