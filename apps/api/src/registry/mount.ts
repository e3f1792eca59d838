import type { IncomingMessage, ServerResponse } from 'node:http'
import { type BlobStorage, createFeedServer, FeedError } from '@sluice/feed'
import { asStoreError, StoreError } from '@sluice/store'
import { refusalOf } from '../errors.ts'
import { originOf } from '../origin.ts'
import { lifeOf } from '../processes.ts'
import type { Services } from '../services.ts'
import { registryCaller } from './caller.ts'
import { tokenReader } from './token.ts'

/** The Distribution API, with challenges that lead to `/token` where this very request came to. */
export function registry(
  services: Services,
  storage: BlobStorage,
): (req: IncomingMessage, res: ServerResponse) => Promise<void> {
  const { store, instance, publicUrl, metrics, log } = services
  const readToken = tokenReader(services)
  return createFeedServer({
    index: store.feedIndex,
    upstreams: store.proxies,
    storage,
    authenticate: (req) => registryCaller(services, readToken, req).catch(tooMany),
    challenge: (scopes, req) => {
      const scope = scopes.length === 0 ? '' : `,scope="${scopes.join(' ')}"`
      return `Bearer realm="${originOf(req, publicUrl)}/token",service="${instance}"${scope}`
    },
    life: lifeOf(),
    isUnavailable,
    events: {
      failed: (err, req) => {
        const requestId = req.headers['x-request-id']
        if (isUnavailable(err)) log.warn({ err, requestId }, 'database does not answer')
        else log.error({ err, requestId }, 'registry failed')
      },
      blobMissing: ({ feed, repository }, digest) => {
        metrics.damagedBlobs.inc()
        log.error({ feed: feed.name, repository, digest }, 'blob is missing or damaged in the storage')
      },
      upstreamFailed: ({ feed, repository }, err) => {
        log.warn({ feed: feed.name, repository, err }, 'blob not fetched from the upstream')
      },
    },
  })
}

/** What the limits refuse, in the words of the protocol: docker needs a body to a 429. */
function tooMany(error: unknown): never {
  const { problem, headers } = refusalOf(error)
  if (problem.status !== 429) throw error
  throw new FeedError('TOOMANYREQUESTS', problem.detail, { headers, cause: error })
}

function isUnavailable(thrown: unknown): boolean {
  const error = asStoreError(thrown)
  return error instanceof StoreError && error.code === 'unavailable'
}
