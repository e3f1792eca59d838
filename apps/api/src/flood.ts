import { ApiError } from './problem.ts'

const WINDOW_MS = 60_000

/** Requests of one address that nobody is behind, in a minute, over all replicas; and how many one tells the others of at once. */
export const FLOOD_LIMITS = { requests: 30_000, step: 500 } as const

/** Throws `rate_limited` for an address that sends too much without a credential that is good. */
export type FloodGate = (address: string) => Promise<void>

const ADDRESSES = 10_000

interface Seen {
  readonly since: number
  count: number
  full: boolean
}

/**
 * Counts here, and tells the other replicas in steps: who stays below a step costs Postgres nothing.
 * @param share adds to the count of all replicas in a window, and answers it
 */
export function floodGate(
  share: (address: string, step: { since: Date; by: number }) => Promise<number>,
  {
    now = Date.now,
    limits = FLOOD_LIMITS,
  }: { now?: () => number; limits?: { requests: number; step: number } } = {},
): FloodGate {
  const seen = new Map<string, Seen>()
  return async (address) => {
    const since = Math.floor(now() / WINDOW_MS) * WINDOW_MS
    let of = seen.get(address)
    if (of?.since !== since) {
      of = { since, count: 0, full: false }
      if (seen.size >= ADDRESSES) forget(seen, since)
      seen.set(address, of)
    }
    if (!of.full && ++of.count % limits.step === 0) {
      const all = await share(address, { since: new Date(since), by: limits.step })
      if (all >= limits.requests) of.full = true
    }
    if (!of.full) return
    const seconds = Math.max(1, Math.ceil((since + WINDOW_MS - now()) / 1000))
    throw new ApiError(
      'rate_limited',
      `too many requests of ${address} without a good credential; sign in, or try again in ${seconds} seconds`,
      { headers: { 'Retry-After': String(seconds) } },
    )
  }
}

/** Makes room: what an earlier minute counted, else all. */
function forget(seen: Map<string, Seen>, since: number): void {
  for (const [address, of] of seen) if (of.since !== since) seen.delete(address)
  if (seen.size >= ADDRESSES) seen.clear()
}
