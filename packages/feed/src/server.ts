import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { refuseContentEncoding } from './body.ts'
import { listCatalog } from './catalog.ts'
import { asFeedError, FeedError } from './errors.ts'
import { DEFAULT_LIMITS, type FeedEvents, type FeedParts, type Limits } from './exchange.ts'
import { nameUnknown, type PathParts, splitName, splitPath } from './path.ts'
import type { BlobStorage, Caller, FeedIndex, RepositoryAddress, Upstreams, Verb } from './ports.ts'
import { ClientGone, sendError, sendJson } from './reply.ts'
import { UpstreamError } from './proxy/failure.ts'
import { createProxy, pushUpstream } from './proxy/proxy.ts'
import { type Match, matchRoute } from './route.ts'
import { RunningHashes } from './running-hashes.ts'

export interface FeedServerOptions {
  readonly index: FeedIndex
  readonly storage: BlobStorage
  /** Where proxy feeds get what they are asked for; without it there are none. */
  readonly upstreams?: Upstreams
  /** Who sends this request; `invalid` when the credential shown is no good. */
  readonly authenticate: (req: IncomingMessage) => Promise<Caller | 'invalid'>
  /** The `WWW-Authenticate` value that asks whoever sent this request for these scopes, `repository:dev/app:pull,push`. */
  readonly challenge: (scopes: readonly string[], req: IncomingMessage) => string
  readonly limits?: Partial<Limits>
  /** A UUID shared by the processes that one supervisor started on this machine, new with each start; see `Hashed`. */
  readonly life?: string
  readonly events?: FeedEvents
  /** Is this error of a port its absence for a while? The client is told to come again (503). */
  readonly isUnavailable?: (error: unknown) => boolean
}

export type FeedServer = (req: IncomingMessage, res: ServerResponse) => Promise<void>

/**
 * The Distribution server, for every path from `/v2` down: give it node's request untouched (under
 * Express, before any body parser or compression; `originalUrl` is honoured), from a server whose
 * `requestTimeout` is 0: a large layer may take longer, and stalled clients are closed here. It
 * answers every request itself and never rejects. Distribution specification, "API".
 */
export function createFeedServer(options: FeedServerOptions): FeedServer {
  const { index, storage, events = {}, isUnavailable = () => false, life = randomUUID() } = options
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const failed = (error: unknown, address: RepositoryAddress) => events.upstreamFailed?.(address, error)
  const proxy = options.upstreams
    ? createProxy({ index, storage, limits, upstreams: options.upstreams, failed })
    : null
  const parts: FeedParts = { index, storage, limits, events, hashes: new RunningHashes(life), proxy }
  return async (req, res) => {
    res.setHeader('Docker-Distribution-Api-Version', 'registry/2.0')
    try {
      await answer(options, parts, req, res)
    } catch (error) {
      await refuse(parts, req, res, { error: asFeedError(error), isUnavailable })
    }
  }
}

async function answer(
  options: FeedServerOptions,
  parts: FeedParts,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const url = ('originalUrl' in req ? String(req.originalUrl) : req.url) ?? '/'
  const mark = url.indexOf('?')
  const path = splitPath(mark < 0 ? url : url.slice(0, mark))
  const query = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1))
  const method = req.method ?? 'GET'
  const isRead = method === 'GET' || method === 'HEAD'

  if (isOutsideRepositories(path)) {
    if (!isRead) throw notAllowed()
    // Also where anonymous pull is allowed: podman pushes only if `/v2/` asked it to sign in.
    const caller = await identify(options, req, path[0] === '' ? [] : ['registry:catalog:*'])
    if (path[0] === '_catalog') return await listCatalog(parts, { res, query, caller })
    return sendJson(res, {})
  }

  const match = matchRoute(method, path)
  const { feed: feedName, repository } = splitName(match.name)
  const feed = await parts.index.findFeed(feedName)
  if (feed?.trusted && !isRead && !feed.elsewhere) throw promotionOnly(feed.name)
  const scopes = scopesOf(match, query)
  if (feed === null) {
    await identify(options, req, scopes)
    throw nameUnknown(feedName)
  }
  const address = { feed, repository }
  // Nobody pushes to a proxy, whatever the grants say: whoever may pull from it hears where to push.
  const pushed = Boolean(feed.upstream) && match.row.verb === 'push'
  const caller = await authorize(options, req, { address, scopes, verb: pushed ? 'pull' : match.row.verb })
  if (feed.elsewhere) throw keptElsewhere(feed.name, `${feed.elsewhere}/${repository}`, isRead)
  if (pushed) throw pushUpstream(feed, repository)
  if (!isRead) refuseContentEncoding(req)
  const { name, reference } = match
  await match.row.handler(parts, { req, res, query, caller, address, name, reference })
}

const isOutsideRepositories = (path: PathParts): boolean =>
  path.length === 1 && (path[0] === '' || path[0] === '_catalog')

/** A caller with a name; the anonymous and the wrongly named are asked to sign in. */
async function identify(
  { authenticate, challenge }: FeedServerOptions,
  req: IncomingMessage,
  scopes: readonly string[],
): Promise<Caller> {
  const caller = await authenticate(req)
  if (caller === 'invalid' || caller.principalId === null) throw unauthorized(challenge(scopes, req))
  return caller
}

async function authorize(
  { authenticate, challenge }: FeedServerOptions,
  req: IncomingMessage,
  { address, verb, scopes }: { address: RepositoryAddress; verb: Verb; scopes: readonly string[] },
): Promise<Caller> {
  const caller = await authenticate(req)
  if (caller === 'invalid') throw unauthorized(challenge(scopes, req))
  // Nobody writes without a name, whatever the grants of everybody say.
  if (caller.principalId === null && verb !== 'pull') throw unauthorized(challenge(scopes, req))
  const answer = await caller.may(address, verb)
  if (answer === 'allowed') return caller
  if (answer === 'unauthorized' || caller.principalId === null) throw unauthorized(challenge(scopes, req))
  throw new FeedError(
    'DENIED',
    `you have no ${verb} grant on ${address.feed.name}/${address.repository}; ask the feed's administrator for it`,
  )
}

/** What a token must carry for this request; a mount reads a second repository. */
function scopesOf({ row, name }: Match, query: URLSearchParams): string[] {
  const scopes = [`repository:${name}:${row.verb === 'push' ? 'pull,push' : row.verb}`]
  const from = query.get('from')
  if (row.verb === 'push' && from !== null && isPlainName(from)) scopes.push(`repository:${from}:pull`)
  return scopes
}

function isPlainName(name: string): boolean {
  return name.length <= 255 && /^[a-z0-9._/-]+$/.test(name)
}

function promotionOnly(feed: string): FeedError {
  return new FeedError(
    'DENIED',
    `the feed "${feed}" is trusted: images enter and leave it only by an approved promotion or a recall, never by a push, a tag or a delete. Push to an untrusted feed and request a promotion.`,
  )
}

/** The images of a remote feed are neither read nor written through here: who may, goes to their registry. */
function keptElsewhere(feed: string, place: string, isRead: boolean): FeedError {
  const what = isRead
    ? `pull from ${place} instead`
    : 'push to its own registry, or promote to it by a request on a lane'
  return new FeedError('UNSUPPORTED', `the feed "${feed}" is remote, and its images are not here: ${what}`, {
    status: isRead ? 404 : 405,
    headers: isRead ? {} : { Allow: '' },
    detail: { feed, place },
  })
}

function notAllowed(): FeedError {
  return new FeedError('UNSUPPORTED', 'this endpoint takes GET and HEAD', {
    status: 405,
    headers: { Allow: 'GET, HEAD' },
  })
}

function unauthorized(challenge: string): FeedError {
  return new FeedError('UNAUTHORIZED', 'authentication is required; sign in or ask for a wider token', {
    headers: { 'WWW-Authenticate': challenge },
  })
}

/** RFC 9110, section 15.6.4. */
const COME_AGAIN = {
  code: 'UNAVAILABLE',
  status: 503,
  message: 'the registry cannot reach its database; try again',
  detail: undefined,
  headers: { 'Retry-After': '2' },
}

const DISK_FULL = {
  ...COME_AGAIN,
  message: 'the registry has no room left for this; tell its operator, and push again when there is',
  headers: { 'Retry-After': '60' },
}

/** The one place where a thrown error becomes an answer. */
async function refuse(
  { events }: FeedParts,
  req: IncomingMessage,
  res: ServerResponse,
  { error, isUnavailable }: { error: unknown; isUnavailable: (error: unknown) => boolean },
): Promise<void> {
  if (error instanceof ClientGone) return
  const ours = (error instanceof FeedError && error.status < 500) || error instanceof UpstreamError
  if (!ours) events.failed?.(error, req)
  if (res.headersSent) {
    res.destroy() // a cut connection is the only sign left that the body is not whole
    return
  }
  if (ours) return await sendError(req, res, error)
  if (isUnavailable(error)) return await sendError(req, res, COME_AGAIN)
  if (isDiskFull(error)) return await sendError(req, res, DISK_FULL)
  const message = 'the registry failed to answer; try again, and tell its operator if it stays so'
  await sendError(req, res, { code: 'UNKNOWN', status: 500, message, detail: undefined, headers: {} })
}

function isDiskFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')
}
