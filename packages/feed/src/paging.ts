import { FeedError, quote } from './errors.ts'
import type { Listing, Page, TagListing } from './ports.ts'

const LAST_LIMIT = 512

/**
 * Reads `n` and `last`. Larger pages than `cap` are cut, which the specification allows with a
 * `Link`. Distribution specification, "Listing Tags".
 */
export function readPage(query: URLSearchParams, cap: number): Page {
  const n = query.get('n')
  if (n !== null && !/^\d{1,15}$/.test(n)) {
    throw new FeedError('UNSUPPORTED', `n=${quote(n)} is not a whole number from 0 up`)
  }
  return { limit: n === null ? cap : Math.min(Number(n), cap), last: readLast(query) }
}

/** Where the page before ended; printable ASCII, or it cannot have been the end of one. */
export function readLast(query: URLSearchParams): string | null {
  const last = query.get('last')
  if (last === null || last === '') return null
  if (last.length <= LAST_LIMIT && !/[^\x20-\x7e]/.test(last)) return last
  throw new FeedError('UNSUPPORTED', `last=${quote(last)} is not the end of a page`)
}

/** Tags that are at hand as names. */
export function tagListing({ names, more }: Listing): TagListing {
  return { json: JSON.stringify(names), last: names.at(-1) ?? null, more }
}

/** The `Link` of a page that has a successor. RFC 8288. */
export function nextLink(path: string, params: Readonly<Record<string, string>>): { Link: string } {
  const query = Object.entries(params).map(([key, value]) => `${key}=${encodeURIComponent(value)}`)
  return { Link: `<${path}?${query.join('&')}>; rel="next"` }
}
