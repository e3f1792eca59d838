import { OciError, quote } from './errors.ts'

/** Longest name that clients accept, the feed's part included. */
export const NAME_LIMIT = 255
export const TAG_LIMIT = 128
export const FEED_NAME_LIMIT = 63

// Every check looks at the length first and then reads each character once: the cost is bounded
// by the limits above, whatever the input.

const isLowerAlnum = (c: number): boolean => (c >= 97 && c <= 122) || (c >= 48 && c <= 57)
const isUpper = (c: number): boolean => c >= 65 && c <= 90

const DOT = 46
const DASH = 45
const UNDERSCORE = 95
const SLASH = 47

/**
 * A repository name, `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/…)*`, at most 255 characters.
 * Distribution specification, "Pulling manifests".
 */
export function isRepositoryName(text: string): boolean {
  if (text.length === 0 || text.length > NAME_LIMIT) return false
  let at = 0
  while (at < text.length) {
    const start = at
    while (at < text.length && isLowerAlnum(text.charCodeAt(at))) at++
    if (at === start) return false
    if (at === text.length) return true
    at = afterSeparator(text, at)
  }
  return false
}

/** The position after one separator at `at`; `at` itself when there is none, which ends the scan. */
function afterSeparator(text: string, at: number): number {
  const c = text.charCodeAt(at)
  if (c === SLASH || c === DOT) return at + 1
  if (c === UNDERSCORE) return text.charCodeAt(at + 1) === UNDERSCORE ? at + 2 : at + 1
  let end = at
  while (text.charCodeAt(end) === DASH) end++
  return end === at ? text.length : end
}

/** A tag, `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`. Distribution specification, "Pulling manifests". */
export function isTag(text: string): boolean {
  if (text.length === 0 || text.length > TAG_LIMIT) return false
  for (let at = 0; at < text.length; at++) {
    const c = text.charCodeAt(at)
    if (isLowerAlnum(c) || isUpper(c) || c === UNDERSCORE) continue
    if (at > 0 && (c === DOT || c === DASH)) continue
    return false
  }
  return true
}

/**
 * A feed name: one component of a repository name, at most 63 characters. It never looks like a
 * server (no dot, not `localhost`), or `server/feed/repository` could not be told from
 * `feed/repository`.
 */
export function isFeedName(text: string): boolean {
  return (
    text.length <= FEED_NAME_LIMIT && isRepositoryName(text) && !text.includes('/') && !looksLikeServer(text)
  )
}

/** Docker's rule: a first part is a server when it holds `.` or `:` or is `localhost`. */
export function looksLikeServer(part: string): boolean {
  return part.includes('.') || part.includes(':') || part === 'localhost'
}

export type Algorithm = 'sha256' | 'sha512'

const HEX_LENGTH: Record<Algorithm, number> = { sha256: 64, sha512: 128 }
const ALGORITHM_LENGTH = 6
const DIGEST_LIMIT = 512

/** Is this a digest this registry accepts: `sha256:` and 64, or `sha512:` and 128 lower-case hex digits? */
export function isDigest(text: string): boolean {
  const algorithm = text.slice(0, ALGORITHM_LENGTH)
  if (algorithm !== 'sha256' && algorithm !== 'sha512') return false
  if (text[ALGORITHM_LENGTH] !== ':') return false
  if (text.length !== ALGORITHM_LENGTH + 1 + HEX_LENGTH[algorithm]) return false
  for (let at = ALGORITHM_LENGTH + 1; at < text.length; at++) {
    const c = text.charCodeAt(at)
    if (!((c >= 48 && c <= 57) || (c >= 97 && c <= 102))) return false
  }
  return true
}

/**
 * Splits a digest into its parts. Image specification, "Digests".
 * @throws OciError DIGEST_UNSUPPORTED: well-formed, another algorithm; DIGEST_INVALID: anything else
 */
export function parseDigest(text: string): { algorithm: Algorithm; hex: string } {
  if (isDigest(text)) {
    const algorithm = text.startsWith('sha256') ? 'sha256' : 'sha512'
    return { algorithm, hex: text.slice(ALGORITHM_LENGTH + 1) }
  }
  const colon = text.indexOf(':')
  const algorithm = text.slice(0, Math.max(colon, 0))
  const known = algorithm === 'sha256' || algorithm === 'sha512'
  if (!known && text.length <= DIGEST_LIMIT && /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/.test(text)) {
    throw new OciError(
      'DIGEST_UNSUPPORTED',
      `the digest ${quote(text)} uses the algorithm ${quote(algorithm)}; only sha256 and sha512 are supported`,
    )
  }
  throw new OciError(
    'DIGEST_INVALID',
    `${quote(text)} is not a digest; it must be sha256: and 64, or sha512: and 128 lower-case hex digits`,
  )
}
