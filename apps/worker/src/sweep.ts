import type { Store } from '@sluice/store'
import type { Logger } from 'pino'

/** Ends requests that expired, and takes promotions from workers whose lease ran out. */
export async function sweep(runs: Store['runs'], log: Logger): Promise<void> {
  const { expired, reclaimed } = await runs.sweep({ now: new Date() })
  if (expired > 0) log.info({ expired }, 'requests expired')
  if (reclaimed > 0) log.warn({ reclaimed }, 'promotions taken from workers that are gone')
}
