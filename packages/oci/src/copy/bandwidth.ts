/** A limit on bytes per second, shared by all that are given the same one. */
export interface Bandwidth {
  /** Takes `bytes` and says for how many milliseconds to stop before the next. */
  take(bytes: number): number
}

/** The least that a limit can be, in bytes a second: a copy that is slower is taken for a dead one. */
export const LEAST_BANDWIDTH = 65_536

/** @throws RangeError below {@link LEAST_BANDWIDTH} */
export function createBandwidth(bytesPerSecond: number): Bandwidth {
  if (!(bytesPerSecond >= LEAST_BANDWIDTH))
    throw new RangeError(`a bandwidth limit is at least ${LEAST_BANDWIDTH} bytes a second`)
  let paidUntil = 0
  return {
    take(bytes) {
      const now = performance.now()
      paidUntil = Math.max(paidUntil, now) + (bytes / bytesPerSecond) * 1000
      // Debts of less than a tick are carried on.
      const wait = paidUntil - now
      return wait < 20 ? 0 : wait
    },
  }
}
