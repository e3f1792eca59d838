import { createRequestBudget, type RequestBudget } from '@sluice/oci'
import type { Store } from '@sluice/store'
import type { Logger } from 'pino'

/** How long what the other workers were told may be unknown here. */
const LOOK_MS = 1_000

/**
 * A registry that asks one worker for silence gets it from all of them. The database is asked once a second and host
 * at most; while it cannot be reached, what this process was told itself still holds.
 */
export function sharedBudget(pauses: Store['pauses'], log: Logger): RequestBudget {
  const own = createRequestBudget()
  const looks = new Map<string, { readonly at: number; readonly done: Promise<void> }>()
  const failed = (err: unknown): void => log.warn({ err }, 'pauses of registries are not shared')
  const look = async (host: string): Promise<void> => {
    const left = await pauses.left(host).catch((err: unknown) => {
      failed(err)
      return 0
    })
    if (left > 0) own.pause(host, left)
  }
  return {
    async take(host, signal) {
      const now = performance.now()
      let last = looks.get(host)
      if (last === undefined || now - last.at >= LOOK_MS) {
        last = { at: now, done: look(host) }
        looks.set(host, last)
      }
      // Whoever comes while somebody looks waits for what is found, too.
      await last.done
      await own.take(host, signal)
    },
    pause(host, ms) {
      own.pause(host, ms)
      void pauses.ask(host, ms).catch(failed)
    },
  }
}
