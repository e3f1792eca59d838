import type { BlobStorage } from '@sluice/feed'
import { OciError, RegistryError } from '@sluice/oci'
import { type FoundLate, type Late, type LateScan, type Store, StoreError } from '@sluice/store'
import type { Logger } from 'pino'
import type { Registries } from './ends/registries.ts'
import { WorkerError } from './errors.ts'
import { bring } from './bring.ts'
import { type Periodic, startPeriodic } from './periodic.ts'
import type { TagTimes } from './steps/tags.ts'

/** How often it is asked what is due; who asks for a scan pokes it. */
const PERIOD_MS = 15_000
/** Admissions at a time. */
const BATCH = 50

export interface Follower {
  readonly referrers: Store['referrers']
  readonly registries: Registries
  /** Where the blobs of our own feeds are. */
  readonly storage: BlobStorage
  readonly tagTimes: TagTimes
  readonly signal: AbortSignal
  readonly log: Logger
}

/** Looks again at the sources of promotions, and brings along what may follow the images; one worker does it. */
export function startFollowing(context: Omit<Follower, 'signal'>, periodMs = PERIOD_MS): Periodic {
  const stopping = new AbortController()
  const task = startPeriodic(
    'referrers',
    periodMs,
    () => followAll({ ...context, signal: stopping.signal }),
    context.log,
  )
  return {
    poke: () => task.poke(),
    async stop() {
      stopping.abort()
      await task.stop()
    },
  }
}

/** Does all scans that are due. One that fails is told of, and done again later. */
export async function followAll(context: Follower): Promise<void> {
  const { referrers, signal } = context
  await referrers.exclusively(async () => {
    for (;;) {
      const due = await referrers.due(BATCH)
      for (const scan of due) {
        if (signal.aborted) return
        await follow(scan, context)
      }
      if (due.length < BATCH) return
    }
  })
}

async function follow(scan: LateScan, context: Follower): Promise<void> {
  const { referrers, registries, storage, signal, log } = context
  const { source, sourceGone, requestId } = scan
  let problem: string | null = null
  let again = false
  try {
    // What the target may serve already, whatever became of the source.
    for (const late of await referrers.intended(scan)) {
      signal.throwIfAborted()
      if ((await land(scan, late, context)) === 'waiting') again = true
    }
    // What a trusted registry elsewhere has by another way is none of ours.
    if (source.remote && !source.trusted && !sourceGone) {
      const { repository } = await registries.open(source, 'pull')
      await referrers.observe(scan, repository, signal)
    }
    for (let goOn = !sourceGone; goOn; ) {
      const { found, more, problem: full } = await referrers.find(scan, storage)
      problem = full
      // What followed may be spoken about too: a signature of an SBOM.
      goOn = more
      for (const late of found) {
        signal.throwIfAborted()
        const state = await settle(scan, late, context)
        if (state === 'admitted') goOn = true
        if (state === 'waiting') again = true
      }
      // What waits comes back at once: then the rest has its turn in the next scan.
      if (again) goOn = false
    }
  } catch (error) {
    if (signal.aborted) return
    problem = reasonOf(error)
    log.warn({ requestId, feed: source.feed, err: error }, 'not looked at what came after a promotion')
  }
  await referrers.finish(scan, { problem, again })
}

async function settle(
  scan: LateScan,
  late: FoundLate,
  context: Follower,
): Promise<'admitted' | 'refused' | 'waiting'> {
  const { verdict } = late
  if (verdict.verdict === 'admit') return land(scan, late, context)
  const state = verdict.verdict === 'refuse' ? 'refused' : 'waiting'
  await context.referrers.keepOut(scan, late, { state, reason: verdict.reason })
  return state
}

async function land(scan: LateScan, late: Late, context: Follower): Promise<'admitted' | 'waiting'> {
  const { referrers, signal, log } = context
  const { digest, subject } = late
  const told = { requestId: scan.requestId, digest, subject }
  try {
    await bring(scan, late, context)
    log.info(told, 'what came after a promotion followed its image')
    return 'admitted'
  } catch (error) {
    if (signal.aborted) throw error
    log.warn({ ...told, err: error }, 'what came after a promotion did not follow its image')
    await referrers.keepOut(scan, late, { state: 'waiting', reason: reasonOf(error) })
    return 'waiting'
  }
}

function reasonOf(error: unknown): string {
  const told = [StoreError, RegistryError, OciError, WorkerError].some((kind) => error instanceof kind)
  return told && error instanceof Error ? error.message : 'something broke; the log of the worker has more'
}
