import { RegistryError, type RegistryErrorCode } from '@sluice/oci'
import { FeedError } from '../errors.ts'

/** An upstream that cannot be asked, and nothing kept in its stead: an answer of the 5xx. RFC 9110, sections 15.6.3 and 15.6.4. */
export class UpstreamError extends Error {
  readonly code: 'UNAVAILABLE' | 'UNKNOWN'
  readonly status: 502 | 503
  readonly detail: { readonly upstream: string; readonly reason: string }
  readonly headers: Readonly<Record<string, string>>

  constructor(upstream: string, cause: RegistryError) {
    const passing = cause.transient || cause.code === 'cancelled'
    const reason = reasonOf(cause)
    const advice = passing
      ? 'try again later'
      : "tell the administrator of this feed, whom the feed's connection test shows more"
    super(`the upstream ${upstream} cannot be used, and nothing is kept of this here: ${reason}; ${advice}`, {
      cause,
    })
    this.name = 'UpstreamError'
    this.code = passing ? 'UNAVAILABLE' : 'UNKNOWN'
    this.status = passing ? 503 : 502
    this.detail = { upstream, reason: cause.code }
    this.headers = passing ? { 'Retry-After': String(retrySeconds(cause)) } : {}
  }
}

const RETRY_SECONDS = 10
const LONGEST_SECONDS = 3_600

const retrySeconds = ({ retryAfterMs }: RegistryError): number =>
  Math.min(Math.max(Math.ceil((retryAfterMs ?? 0) / 1000), RETRY_SECONDS), LONGEST_SECONDS)

const IN_WORDS: Partial<Record<RegistryErrorCode, string>> = {
  dns: 'its name cannot be resolved',
  refused: 'it takes no connections',
  connection: 'the connection breaks',
  tls: 'its certificate is not trusted',
  timeout: 'it does not answer in time',
  cancelled: 'it does not answer in time',
  rate_limited: 'it asks to be left alone',
  server_error: 'it has a fault of its own',
  wrong_digest: 'it serves other bytes than were asked for',
  wrong_length: 'it serves another length than it says',
  too_large: 'its answer is too large',
  realm_refused: 'it asks for credentials at a place that is not allowed for this feed',
  address_refused: 'it leads to an address that is not allowed for this feed',
  plain_http_refused: 'it leads to a place without TLS',
  redirect_refused: 'it redirects in a way that is not followed',
  settings_invalid: 'its settings cannot be used',
}

/** What went wrong, for whoever pulls: the words of the registry itself are for those who may look at the feed. */
export function reasonOf({ code }: RegistryError): string {
  return IN_WORDS[code] ?? 'its answer is not the one of a registry'
}

/** The same, for those. */
export function detailOf(error: RegistryError): string {
  return error.code === 'cancelled' ? reasonOf(error) : error.message
}

/**
 * What the upstream itself decided, and nothing that is kept may contradict: it refuses these credentials, or has
 * nothing of that name. Anything else is a failure to ask it.
 */
export function isDecision({ code }: RegistryError): boolean {
  return code === 'unauthorized' || code === 'forbidden' || code === 'not_found'
}

/** The answer to a client for whom nothing is kept. */
export function asAnswer(error: unknown, upstream: string): unknown {
  if (!(error instanceof RegistryError)) return error
  if (error.code === 'not_found') {
    return new FeedError('NAME_UNKNOWN', `the upstream ${upstream} has nothing of that name`, {
      cause: error,
    })
  }
  if (isDecision(error)) {
    return new FeedError(
      'DENIED',
      `the upstream ${upstream} does not serve this to the credentials of this feed, or has no such repository; ask the feed's administrator`,
      { cause: error, detail: { upstream } },
    )
  }
  if (error.code === 'rate_limited') {
    return new FeedError(
      'TOOMANYREQUESTS',
      `the upstream ${upstream} asks to be left alone; try again later`,
      {
        cause: error,
        headers: { 'Retry-After': String(retrySeconds(error)) },
      },
    )
  }
  return new UpstreamError(upstream, error)
}
