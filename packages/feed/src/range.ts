import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { FeedError } from './errors.ts'
import type { ByteRange } from './ports.ts'

/**
 * Reads a `Range` header against `size` bytes. RFC 9110, 14.1.2 and 14.2: null means "answer the
 * whole" (no header, another unit, several ranges, not well-formed), `unsatisfiable` means 416.
 */
export function parseRange(header: string | undefined, size: number): ByteRange | 'unsatisfiable' | null {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '')
  if (match === null) return null
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return null
  if (first === '') {
    const suffix = Number(last)
    if (suffix === 0 || size === 0) return 'unsatisfiable'
    return { start: Math.max(size - suffix, 0), end: size - 1 }
  }
  const start = Number(first)
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (last !== '' && Number(last) < start) return 'unsatisfiable'
  return start < size ? { start, end } : 'unsatisfiable'
}

/** Does `If-None-Match` or `If-Range` name this entity tag? */
export function namesEtag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  if (header.trim() === '*') return true
  return header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
}

/** What answers a GET or HEAD of a blob: its status and headers, and which bytes. */
export interface BlobPlan {
  readonly status: 200 | 206 | 304
  /** Of the blob, whichever part of it is sent. */
  readonly entity: OutgoingHttpHeaders
  /** Of this answer, those of the blob among them. */
  readonly headers: OutgoingHttpHeaders
  readonly range: ByteRange
}

/**
 * Reads the conditions and the range of a request for a blob. RFC 9110, 13 and 14.
 * @throws FeedError SIZE_INVALID with status 416
 */
export function planBlob(
  { method, headers: given }: Pick<IncomingMessage, 'method' | 'headers'>,
  { digest, size }: { readonly digest: string; readonly size: number },
): BlobPlan {
  const etag = `"${digest}"`
  const entity = { 'Docker-Content-Digest': digest, ETag: etag, 'Accept-Ranges': 'bytes' }
  const whole = { start: 0, end: size - 1 }
  if (namesEtag(given['if-none-match'], etag)) return { status: 304, entity, headers: entity, range: whole }
  const conditional = given['if-range']
  const current = conditional === undefined || namesEtag(String(conditional), etag)
  const asked = current && method === 'GET' ? parseRange(given.range, size) : null
  if (asked === 'unsatisfiable') {
    throw new FeedError('SIZE_INVALID', `the range is outside the blob's ${size} bytes`, {
      status: 416,
      headers: { 'Content-Range': `bytes */${size}` },
    })
  }
  const range = asked ?? whole
  const partial = asked && { 'Content-Range': `bytes ${range.start}-${range.end}/${size}` }
  const body = { 'Content-Type': 'application/octet-stream', 'Content-Length': range.end - range.start + 1 }
  return { status: partial ? 206 : 200, entity, headers: { ...entity, ...partial, ...body }, range }
}
