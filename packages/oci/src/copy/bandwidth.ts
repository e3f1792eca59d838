/** A limit on bytes per second, shared by all that are given the same one. */
export interface Bandwidth {
  /** Takes `bytes` and says for how many milliseconds to stop before the next. */
  take(bytes: number): number
}

/** @param bytesPerSecond at least 65,536, so that a slow copy is not taken for a dead one */
export function createBandwidth(bytesPerSecond: number): Bandwidth {
  if (!(bytesPerSecond >= 65_536)) throw new RangeError('a bandwidth limit is at least 65536 bytes a second')
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
