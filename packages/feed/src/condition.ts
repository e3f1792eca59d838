import type { IncomingHttpHeaders } from 'node:http'
import { isDigest } from '@sluice/oci'
import { FeedError, quote } from './errors.ts'
import type { TagCondition } from './ports.ts'

/**
 * Reads `If-Match` and `If-None-Match: *` of a push: compare-and-set over what the tags point at, an entity tag
 * being the digest in quotes, as GET answers it. RFC 9110, sections 13.1.1 and 13.1.2.
 * @throws FeedError UNSUPPORTED
 */
export function readCondition(headers: IncomingHttpHeaders, tags: readonly string[]): TagCondition | null {
  const match = headers['if-match']?.trim()
  const noneMatch = headers['if-none-match']?.trim()
  if (match === undefined && noneMatch === undefined) return null
  if (tags.length === 0) throw unsupported('a condition is about tags, and this push names none')
  if (match !== undefined && noneMatch !== undefined) {
    throw unsupported('send If-Match or If-None-Match, not both')
  }
  if (match === undefined) {
    if (noneMatch === '*') return 'absent'
    throw unsupported('on a push, If-None-Match takes * alone: the tag must not be there yet')
  }
  if (match === '*') return 'present'
  const digests = match.split(',').map((tag) => /^"([^"]*)"$/.exec(tag.trim())?.[1] ?? '')
  if (digests.every(isDigest)) return digests
  throw unsupported('If-Match takes * or digests in quotes, as "sha256:…"')
}

/**
 * Holds a tag to the condition of a push; `current` is the digest it is on, null that it is not there.
 * @throws FeedError DENIED with status 412 (RFC 9110, section 15.5.13), naming both sides
 */
export function requireCondition(
  condition: TagCondition | undefined,
  tag: string,
  current: string | null,
): void {
  if (condition === undefined) return
  const there = current !== null
  if (condition === 'absent' ? !there : there && (condition === 'present' || condition.includes(current)))
    return
  const expected = typeof condition === 'string' ? condition : condition.join(' or ')
  throw new FeedError(
    'DENIED',
    `the tag ${quote(tag)} is ${current ?? 'absent'}, and this push expects it ${expected}; look again before you push`,
    { status: 412, detail: { tag, current, expected } },
  )
}

function unsupported(message: string): FeedError {
  return new FeedError('UNSUPPORTED', message)
}
