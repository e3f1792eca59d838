import type { IncomingMessage } from 'node:http'
import { FeedError, quote } from './errors.ts'

/** How the reading of a body ended: `aborted` by the client, `too-large`, or `stopped` by us. */
export type BodyEnd = 'complete' | 'aborted' | 'too-large' | 'stopped'

export interface Body {
  /** Ends without throwing however the body ends: what arrived before is worth keeping. */
  readonly chunks: AsyncIterable<Uint8Array>
  /** Meaningful once `chunks` has ended. */
  readonly end: () => BodyEnd
  readonly stop: () => void
}

export function hasBody(req: IncomingMessage): boolean {
  const length = req.headers['content-length']
  return req.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
}

/** The announced length in bytes; null for a chunked body. */
export function announcedLength(req: IncomingMessage): number | null {
  const length = req.headers['content-length']
  return length === undefined ? null : Number(length)
}

/** Refuses a coded body: digests are over the bytes as sent, and unpacking invites bombs. */
export function refuseContentEncoding(req: IncomingMessage): void {
  const coding = req.headers['content-encoding']?.trim().toLowerCase()
  if (coding === undefined || coding === '' || coding === 'identity') return
  throw new FeedError(
    'UNSUPPORTED',
    `the Content-Encoding ${quote(coding)} is not accepted; send the bytes as they are`,
    { status: 415 },
  )
}

/** Reads a body up to `limit` bytes, and gives up on a client that sends nothing for `stallMs`. */
export function openBody(req: IncomingMessage, limit: number, stallMs: number): Body {
  let end: BodyEnd = 'complete'
  let stopped = false
  async function* read() {
    let received = 0
    req.setTimeout(stallMs, () => req.destroy())
    try {
      // The connection stays open when we leave early: it has to carry the answer.
      for await (const chunk of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        received += chunk.length
        if (stopped || received > limit) {
          end = stopped ? 'stopped' : 'too-large'
          return
        }
        yield chunk
      }
      if (!req.complete) end = 'aborted'
    } catch {
      end = 'aborted'
    } finally {
      req.setTimeout(0)
    }
  }
  return {
    chunks: read(),
    end: () => end,
    stop: () => {
      stopped = true
    },
  }
}

/** A whole small body; null when the client left. Throws `tooLarge()` before reading past `limit`. */
export async function readWhole(
  req: IncomingMessage,
  limit: number,
  stallMs: number,
  tooLarge: () => FeedError,
): Promise<Buffer | null> {
  if ((announcedLength(req) ?? 0) > limit) throw tooLarge()
  const body = openBody(req, limit, stallMs)
  const chunks: Uint8Array[] = []
  for await (const chunk of body.chunks) chunks.push(chunk)
  if (body.end() === 'too-large') throw tooLarge()
  return body.end() === 'complete' ? Buffer.concat(chunks) : null
}
