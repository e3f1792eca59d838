import { OciError, RegistryError, type RegistryErrorCode } from '@sluice/oci'
import { StoreError } from '../errors.ts'

/** What an administrator of the feed can do about it. */
const ADVICE: Partial<Record<RegistryErrorCode, string>> = {
  unauthorized: 'give the feed credentials that are valid there',
  forbidden: 'give the feed credentials that may do this there',
  realm_refused: 'if that is its token server, add it to realmAllowList of the feed',
  tls: 'correct the certificates of the feed or of the registry',
  plain_http_refused: 'use https, or name the host in plainHttp of the feed',
  address_refused: 'if the registry is inside your network, name its host in privateHosts of the feed',
}

/**
 * What went wrong between a remote feed and its registry, in words that name the feed; anything else stays as
 * it is. `remote_unavailable` may heal by itself, `remote_refused` needs somebody to act.
 */
export function asRemoteError(error: unknown, feed: string): unknown {
  if (error instanceof RegistryError) {
    const passing = error.transient || error.code === 'cancelled'
    const cause = error.code === 'cancelled' ? 'it did not answer in time' : error.message
    const advice = ADVICE[error.code] ?? (passing ? 'try again later' : 'look at its settings and its log')
    const message = `the registry of the feed ${feed} cannot be used: ${cause}; ${advice} (sluice feeds test ${feed})`
    return new StoreError(passing ? 'remote_unavailable' : 'remote_refused', message, {
      cause: error,
      detail: { feed, registry: error.code },
    })
  }
  if (error instanceof OciError) {
    return new StoreError(
      'closure_incomplete',
      `the registry of the feed ${feed} serves an image that cannot be promoted: ${error.message}`,
      {
        cause: error,
      },
    )
  }
  return error
}
