/** Bytes that were there at a moment, of a clock in milliseconds. */
export type Sample = { readonly at: number; readonly bytes: number }

const WINDOW_MS = 5_000
/** Shorter than this nothing can be said. */
const LEAST_MS = 200

/** The samples that still count, with the new one; a copy that began anew begins here too. */
export function addSample(seen: readonly Sample[], next: Sample): Sample[] {
  const last = seen.at(-1)
  if (last !== undefined && next.bytes < last.bytes) return [next]
  const first = seen.findLastIndex(({ at }) => at < next.at - WINDOW_MS)
  return [...seen.slice(Math.max(0, first)), next]
}

/** Bytes a second until now; null while too little was seen. A copy that stands still slows down to nothing. */
export function rateOf(seen: readonly Sample[], now: number): number | null {
  const [first, last] = [seen[0], seen.at(-1)]
  if (first === undefined || last === undefined || seen.length < 2) return null
  const span = Math.max(now, last.at) - first.at
  return span < LEAST_MS ? null : ((last.bytes - first.bytes) * 1000) / span
}
