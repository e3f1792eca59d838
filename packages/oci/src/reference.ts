import { OciError, quote } from './errors.ts'
import { isFeedName, isRepositoryName, isTag, looksLikeServer, NAME_LIMIT, parseDigest } from './grammar.ts'

/** An image inside one feed, as a promotion request names it. At least one of tag and digest is set. */
export interface ImageReference {
  repository: string
  tag: string | null
  digest: string | null
  /** The server that was written, for messages only; it decides nothing. */
  server: string | null
}

/** An image by its full name. Tag and digest may both be absent. */
export interface FeedQualifiedReference {
  server: string | null
  feed: string
  repository: string
  tag: string | null
  digest: string | null
}

// A server name (253 and a port), a name, a tag and a sha512 digest fit with room to spare.
const REFERENCE_LIMIT = 1024

const SERVER_RULE =
  'a first part that holds "." or ":" or is "localhost" is read as a server, and the part after it must then be the feed'

/**
 * Reads the `image` of a promotion request, relative to the lane's feed: `team/app:1.4.2`,
 * `team/app@sha256:…` or both. With a server in front, the next part must be one of `feedNames`
 * (the feed's current and former names); without one, every part belongs to the repository.
 * @throws OciError REFERENCE_INVALID, NAME_INVALID, TAG_INVALID, DIGEST_INVALID, DIGEST_UNSUPPORTED;
 *   FEED_MISMATCH: a whole reference, to an image of another feed
 */
export function parseImageReference(
  text: string,
  { feedNames }: { feedNames: readonly string[] },
): ImageReference {
  const { server, path, tag, digest } = split(text)
  let repository = path
  let other: string | null = null
  if (server !== null) {
    const slash = path.indexOf('/')
    const feed = slash < 0 ? path : path.slice(0, slash)
    if (!feedNames.includes(feed)) {
      if (slash < 0 || !isFeedName(feed)) throw noFeed(text, server, feed, feedNames)
      other = feed
    }
    repository = slash < 0 ? '' : path.slice(slash + 1)
  }
  checkRepository(text, repository)
  if (tag === null && digest === null) {
    throw new OciError(
      'REFERENCE_INVALID',
      `${quote(text)} names neither a tag nor a digest; write ${quote(`${repository}:TAG`)} or ${quote(`${repository}@sha256:…`)} (no tag is assumed)`,
    )
  }
  if (other !== null) {
    throw new OciError(
      'FEED_MISMATCH',
      `${quote(text)} is an image of the feed ${quote(other)}; ${named(feedNames)} is expected`,
    )
  }
  return { repository, tag, digest, server }
}

function noFeed(text: string, server: string, part: string, feedNames: readonly string[]): OciError {
  return new OciError(
    'REFERENCE_INVALID',
    `${quote(text)}: ${SERVER_RULE}. Here ${quote(server)} is the server and ${quote(part)} stands where the feed ${named(feedNames)} is expected; leave the server out to name a repository of that feed`,
  )
}

function named(feedNames: readonly string[]): string {
  return feedNames.map((name) => quote(name)).join(' or ')
}

/**
 * Reads `[server/]feed/repository[:tag][@digest]`.
 * @throws OciError REFERENCE_INVALID, NAME_INVALID, TAG_INVALID, DIGEST_INVALID, DIGEST_UNSUPPORTED
 */
export function parseFeedQualified(text: string): FeedQualifiedReference {
  const { server, path, tag, digest } = split(text)
  const slash = path.indexOf('/')
  const feed = slash < 0 ? path : path.slice(0, slash)
  if (!isFeedName(feed)) {
    throw new OciError(
      'NAME_INVALID',
      `${quote(text)}: ${quote(feed)} is not a feed name; expected [server/]feed/repository, where ${SERVER_RULE}`,
    )
  }
  if (slash < 0) {
    throw new OciError(
      'REFERENCE_INVALID',
      `${quote(text)} names the feed ${quote(feed)} but no repository; expected [server/]feed/repository[:tag][@digest]`,
    )
  }
  const repository = path.slice(slash + 1)
  checkRepository(text, repository)
  if (path.length > NAME_LIMIT) {
    throw new OciError(
      'NAME_INVALID',
      `${quote(text)}: feed and repository together exceed ${NAME_LIMIT} characters`,
    )
  }
  return { server, feed, repository, tag, digest }
}

interface Parts {
  server: string | null
  path: string
  tag: string | null
  digest: string | null
}

/** Takes digest, tag and server off a reference; what is left is the path, not yet checked. */
function split(text: string): Parts {
  if (text.length === 0) throw new OciError('REFERENCE_INVALID', 'the image reference is empty')
  if (text.length > REFERENCE_LIMIT) {
    throw new OciError(
      'REFERENCE_INVALID',
      `the image reference ${quote(text)} exceeds ${REFERENCE_LIMIT} characters`,
    )
  }
  if (text.includes('://')) {
    throw new OciError('REFERENCE_INVALID', `${quote(text)} is a URL; write the image without its scheme`)
  }
  const at = text.indexOf('@')
  const digest = at < 0 ? null : text.slice(at + 1)
  if (digest !== null) parseDigest(digest)
  const name = at < 0 ? text : text.slice(0, at)

  const first = name.indexOf('/')
  const server = first > 0 && looksLikeServer(name.slice(0, first)) ? name.slice(0, first) : null
  if (server !== null) checkServer(text, server)
  const rest = server === null ? name : name.slice(first + 1)

  const colon = rest.indexOf(':')
  if (colon < 0) return { server, path: rest, tag: null, digest }
  const tag = rest.slice(colon + 1)
  if (!isTag(tag)) {
    throw new OciError(
      'TAG_INVALID',
      `${quote(text)}: ${quote(tag)} is not a tag; a tag has 1 to 128 of A-Z a-z 0-9 _ . - and does not start with . or -`,
    )
  }
  return { server, path: rest.slice(0, colon), tag, digest }
}

/** A host name or address with an optional port. No two parts can match the same text: linear. */
function checkServer(text: string, server: string): void {
  if (/^(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/.test(server)) return
  throw new OciError(
    'REFERENCE_INVALID',
    `${quote(text)}: ${SERVER_RULE}; ${quote(server)} is not a server name`,
  )
}

function checkRepository(text: string, repository: string): void {
  if (isRepositoryName(repository)) return
  const first = repository.slice(0, Math.max(repository.indexOf('/'), 0))
  const hint = /[A-Z]/.test(first) ? `. If ${quote(first)} is meant as a server: ${SERVER_RULE}` : ''
  throw new OciError(
    'NAME_INVALID',
    `${quote(text)}: ${quote(repository)} is not a repository name; parts of a-z 0-9, joined inside by ".", "_", "__" or "-", are separated by "/", ${NAME_LIMIT} characters at most${hint}`,
  )
}
