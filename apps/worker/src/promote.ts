import type { BlobStorage } from '@sluice/feed'
import type { Registry } from '@sluice/oci'
import { AUTOMATIC_TRIES, type Run, type Store } from '@sluice/store'
import type { Logger } from 'pino'
import { judge } from './failure.ts'
import type { Registries } from './ends/registries.ts'
import { keepLease, type Lease, LEASE_MS } from './lease.ts'
import type { PromotionJob } from './queue/job.ts'
import { commit } from './steps/commit.ts'
import { copy } from './steps/copy.ts'
import { finished, type Step, type StepContext } from './steps/step.ts'
import type { TagTimes } from './steps/tags.ts'
import { verify } from './steps/verify.ts'

const steps: readonly Step[] = [copy, verify, commit]

export interface Promoter {
  readonly runs: Store['runs']
  readonly registries: Registries
  readonly storage: BlobStorage
  readonly tagTimes: TagTimes
  /** The leases of the runs in progress, by their promotions. */
  readonly running: Map<string, Lease>
  /** This worker's name, part of the fence. */
  readonly worker: string
  /** Aborted when a run in progress has to be given back. */
  readonly stopping: AbortSignal
  readonly log: Logger
}

/**
 * Executes a promotion, as far as Postgres says that it is due: a job may come twice, late, or to two workers
 * (invariant 4). Rejects only when the outcome could not be stored; then the lease runs out, and the sweep hands the
 * promotion over again.
 */
export async function promote(job: PromotionJob, promoter: Promoter): Promise<void> {
  const { runs, storage, worker, stopping } = promoter
  const jobLog = promoter.log.child({ promotionId: job.promotionId, attempt: job.attempt })
  const begun = await runs.begin({ ...job, worker, leaseMs: LEASE_MS }, storage)
  if (begun.state === 'skip') return jobLog.info({ why: begun.why }, 'promotion not due')
  if (begun.state === 'ended')
    return jobLog.info({ state: begun.promotionState }, 'promotion refused at its start')

  const { run } = begun
  const log = jobLog.child({ requestId: run.requestId })
  const lease = keepLease(runs, run, stopping, log)
  promoter.running.set(run.promotionId, lease)
  const verified = new Map<string, Registry>()
  let at = ''
  try {
    for (const step of steps) {
      at = step.name
      if (isDone(step, run)) continue
      lease.signal.throwIfAborted()
      await perform(step, run, { ...promoter, verified, signal: lease.signal, log })
    }
    log.info('promotion succeeded')
  } catch (error) {
    // What an aborted step says of itself matters less than why it was aborted.
    await settle(lease.signal.aborted ? lease.signal.reason : error, at, run, runs, log)
  } finally {
    lease.end()
    promoter.running.delete(run.promotionId)
  }
}

/**
 * Whether an earlier attempt did it. A registry elsewhere may have lost since what it had then, so there all of it is
 * read back in every attempt. Once the tags are about to be set it is not copied again unless something is missing:
 * the source may be gone by then.
 */
function isDone({ name }: Step, { steps: done, remoteTarget, intended }: Run): boolean {
  return done.some((step) => step.name === name) && (!remoteTarget || (intended && name === copy.name))
}

async function perform(
  step: Step,
  run: Run,
  { runs, registries, storage, tagTimes, verified, signal, log }: Omit<StepContext, 'run'>,
): Promise<void> {
  const since = performance.now()
  await runs.startStep(run, step.name)
  const result = await step.perform({ runs, run, registries, storage, tagTimes, verified, signal, log })
  if (result !== finished) await runs.finishStep(run, step.name, result)
  log.info({ step: step.name, ms: Math.round(performance.now() - since) }, 'step done')
}

/** Records how an attempt ended that did not succeed. */
async function settle(
  error: unknown,
  step: string,
  run: Run,
  runs: Store['runs'],
  log: Logger,
): Promise<void> {
  const failure = judge(error, step)
  try {
    if (failure.kind === 'fenced') return log.info({ step }, 'promotion taken over or ended by others')
    const { code, message } = failure
    if (failure.kind === 'refused') {
      await runs.fail(run, { code, message })
      log.warn({ step, code, reason: message }, 'promotion refused')
    } else if (
      (await runs.broke(run, { code, message, maxTries: failure.forGood ? 0 : AUTOMATIC_TRIES })) === 'retry'
    ) {
      log.warn({ step, code, err: error }, 'promotion is tried again')
    } else {
      log.error({ step, code, err: error }, 'promotion given up')
    }
  } catch (later) {
    if (judge(later, step).kind !== 'fenced') throw later
    log.info({ step }, 'promotion taken over or ended by others')
  }
}
