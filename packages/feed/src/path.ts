import { isFeedName, isRepositoryName, NAME_LIMIT } from '@sluice/oci'
import { FeedError, quote } from './errors.ts'

/** A `/v2` path, decoded once, as its parts; a trailing slash is an empty last part. */
export type PathParts = readonly string[]

const PATH_LIMIT = 1024

/**
 * Splits what stands behind `/v2/` into parts. Whatever could mean another path to somebody else on the
 * way (encoded slashes, dot parts, a second encoding, control characters) is refused.
 */
export function splitPath(path: string): PathParts {
  if (path.length > PATH_LIMIT) throw nameInvalid(path, `is longer than ${PATH_LIMIT} characters`)
  if (/%(?:2f|5c)/i.test(path)) throw nameInvalid(path, 'holds an encoded slash; write slashes as they are')
  let decoded: string
  try {
    decoded = decodeURIComponent(path)
  } catch (cause) {
    throw nameInvalid(path, 'is not percent-encoded UTF-8', cause)
  }
  if (decoded.includes('%')) throw nameInvalid(path, 'is percent-encoded twice')
  if (/[^\x21-\x7e]|\\/.test(decoded)) throw nameInvalid(path, 'holds a character that no name may have')
  const [root, version, ...parts] = decoded.split('/')
  if (root !== '' || version !== 'v2')
    throw new FeedError('NAME_UNKNOWN', 'the registry answers under /v2/ only')
  if (parts.length === 0) return ['']
  if (parts.some((part) => part === '.' || part === '..')) throw nameInvalid(path, 'holds "." or ".." parts')
  if (parts.slice(0, -1).includes('')) throw nameInvalid(path, 'holds two slashes in a row')
  return parts
}

/** `feed/repository`, taken apart. Distribution specification, "Pulling manifests". */
export function splitName(name: string): { feed: string; repository: string } {
  const slash = name.indexOf('/')
  if (name.length > NAME_LIMIT || !isRepositoryName(name)) {
    throw nameInvalid(
      name,
      `is not a repository name: parts of a-z 0-9, joined inside by ".", "_", "__" or "-", separated by "/", at most ${NAME_LIMIT} characters`,
    )
  }
  if (slash < 0) throw nameInvalid(name, 'names no repository; write <feed>/<repository>')
  const feed = name.slice(0, slash)
  if (!isFeedName(feed)) throw nameUnknown(feed)
  return { feed, repository: name.slice(slash + 1) }
}

export function nameUnknown(feed: string): FeedError {
  return new FeedError(
    'NAME_UNKNOWN',
    `there is no feed ${quote(feed)} here; images are named <feed>/<repository>`,
  )
}

function nameInvalid(what: string, rule: string, cause?: unknown): FeedError {
  return new FeedError('NAME_INVALID', `${quote(what)} ${rule}`, { cause })
}
