import type { Run, Store } from '@sluice/store'
import type { Logger } from 'pino'
import { WorkerError } from './errors.ts'

/** Milliseconds for which a run is ours after each renewal; the sweep gives it to another worker after that. */
export const LEASE_MS = 15_000
const RENEW_MS = 5_000

export interface Lease {
  /** Aborted with a WorkerError lease_lost or worker_stopped. */
  readonly signal: AbortSignal
  /** Looks at once whether the run is still ours: somebody may have cancelled it. */
  look(): void
  end(): void
}

/** Renews the lease of a run until `end`. Whoever lost it must stop at once; the writes are fenced in any case. */
export function keepLease(runs: Store['runs'], run: Run, stopping: AbortSignal, log: Logger): Lease {
  const lost = new AbortController()
  let until = Date.now() + LEASE_MS
  const lose = (): void => lost.abort(new WorkerError('lease_lost', 'another worker may run this promotion'))
  const renew = async (): Promise<void> => {
    const asked = Date.now()
    try {
      if (await runs.renew(run, LEASE_MS)) until = asked + LEASE_MS
      else lose()
    } catch (err) {
      log.warn({ err }, 'lease not renewed')
      if (Date.now() >= until) lose()
    }
  }
  const timer = setInterval(() => void renew(), RENEW_MS)
  return {
    signal: AbortSignal.any([lost.signal, stopping]),
    look: () => void renew(),
    end: () => clearInterval(timer),
  }
}
