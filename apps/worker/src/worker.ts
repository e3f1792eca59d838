import { randomBytes } from 'node:crypto'
import os from 'node:os'
import { openStorage } from '@sluice/feed/storage'
import type { ClientLimits } from '@sluice/oci'
import { listen, loadSecret, openStore } from '@sluice/store'
import type { Logger } from 'pino'
import { sharedBudget } from './ends/budget.ts'
import { openRegistries } from './ends/registries.ts'
import { WorkerError } from './errors.ts'
import type { Lease } from './lease.ts'
import { startPeriodic } from './periodic.ts'
import { promote } from './promote.ts'
import { openQueue } from './queue/queue.ts'
import { startReconciler } from './reconcile.ts'
import { startFollowing } from './referrers.ts'
import { relay } from './relay.ts'
import type { Settings } from './settings.ts'
import { TAG_TIMES, type TagTimes } from './steps/tags.ts'
import { sweep } from './sweep.ts'
import { startUpkeep } from './upkeep.ts'

export interface Worker {
  /** Takes no more jobs, gives back after `patienceMs` those that still run, and closes. */
  stop(patienceMs: number): Promise<void>
}

/** How long it waits for registries; tests wait for less. */
export interface Patience {
  readonly tagTimes: TagTimes
  readonly limits: Partial<ClientLimits>
}

/** Promotions at once. Hosted ones are work of the database, not of this process. */
const CONCURRENCY = 8
const RELAY_MS = 1_000
const SWEEP_MS = 5_000
/** Of the entries about failed sign-ins: as long as the window that each tells of. */
const REPORT_MS = 5 * 60_000

/** Opens database and queue, and executes promotions until it is stopped. @throws StoreError, WorkerError */
export async function startWorker(
  settings: Settings,
  log: Logger,
  { tagTimes = TAG_TIMES, limits = {} }: Partial<Patience> = {},
): Promise<Worker> {
  const { databaseUrl, redisUrl } = settings
  const storage = await openStorage(settings)
  const secret = loadSecret(settings)
  const store = await openStore({ url: databaseUrl, poolSize: CONCURRENCY + 8, secret })
  const { runs } = store
  const stopping = new AbortController()
  const worker = `${os.hostname()}-${process.pid}-${randomBytes(4).toString('hex')}`
  const registries = openRegistries(store.remotes, { budget: sharedBudget(store.pauses, log), limits })
  const running = new Map<string, Lease>()
  const promoter = { runs, registries, storage, tagTimes, running, worker, stopping: stopping.signal, log }
  const queue = await openQueue({
    databaseUrl,
    redisUrl,
    concurrency: CONCURRENCY,
    handle: (job) => promote(job, promoter),
    log,
  }).catch(async (error: unknown) => {
    await store.close()
    throw error
  })
  const relaying = startPeriodic('relay', RELAY_MS, () => relay(runs, queue), log)
  const sweeping = startPeriodic('sweep', SWEEP_MS, () => sweep(runs, log), log)
  const reporting = startPeriodic('report', REPORT_MS, store.accounts.reportFailedSignIns, log)
  const upkeep = startUpkeep(store.collector, storage, log)
  const reconciling = startReconciler(store.remotes, registries, log)
  const following = startFollowing({ referrers: store.referrers, registries, storage, tagTimes, log })
  const listening = await listen(store, (event) => {
    const due = event.channel === 'sluice_promotion' && event.state === 'QUEUED'
    if (due || event.channel === 'reconnected') relaying.poke()
    if (event.channel === 'sluice_promotion' && event.state !== 'RUNNING')
      running.get(event.promotionId)?.look()
    if (event.channel === 'sluice_due') (event.what === 'hints' ? reconciling : following).poke()
  })
  log.info({ worker, queue: redisUrl === undefined ? 'postgres' : 'redis' }, 'worker runs')

  return {
    async stop(patienceMs) {
      const timer = setTimeout(
        () => stopping.abort(new WorkerError('worker_stopped', 'the worker is stopped')),
        patienceMs,
      )
      const periodic = [relaying, sweeping, reporting, upkeep, reconciling, following]
      await Promise.all([listening.close(), ...periodic.map((one) => one.stop())])
      await queue.close()
      clearTimeout(timer)
      registries.close()
      await store.close()
    },
  }
}
