import { setTimeout as sleep } from 'node:timers/promises'

/** The leave to send a request to a host. One is shared by everything that speaks to that host. */
export interface RequestBudget {
  /** Resolves when the next request may be sent. */
  take(host: string, signal?: AbortSignal): Promise<void> | void
  /** The host asked for `ms` of silence. */
  pause(host: string, ms: number): void
}

/** A budget for one process: no limit of its own, but a pause asked of one request holds for all. */
export function createRequestBudget(): RequestBudget {
  const until = new Map<string, number>()
  return {
    take(host, signal) {
      const end = until.get(host)
      if (end === undefined) return undefined
      const left = end - performance.now()
      if (left > 0) return sleep(left, undefined, signal ? { signal } : {})
      until.delete(host)
      return undefined
    },
    pause(host, ms) {
      until.set(host, Math.max(until.get(host) ?? 0, performance.now() + ms))
    },
  }
}
