import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { hasBody } from './body.ts'
import type { FeedError } from './errors.ts'

const DRAIN_BYTES = 64 * 1024 * 1024
const DRAIN_MS = 5_000

/** An answer without a body; 204 and 304 have no length either. */
export function sendEmpty(res: ServerResponse, status: number, headers: OutgoingHttpHeaders = {}): void {
  const length = status === 204 || status === 304 ? {} : { 'Content-Length': 0 }
  res.writeHead(status, { ...headers, ...length }).end()
}

/** JSON under exactly this media type: no charset, no compression, an exact length. HEAD gets no body. */
export function sendJson(
  res: ServerResponse,
  value: unknown,
  headers: OutgoingHttpHeaders = {},
  type = 'application/json',
): void {
  sendJsonText(res, JSON.stringify(value), headers, type)
}

/** The same of a text that is JSON already. */
export function sendJsonText(
  res: ServerResponse,
  text: string,
  headers: OutgoingHttpHeaders = {},
  type = 'application/json',
): void {
  const bytes = Buffer.from(text)
  res.writeHead(200, { 'Content-Type': type, 'Content-Length': bytes.length, ...headers })
  res.end(bytes)
}

/** `{"errors":[{code,message,detail}]}`. Distribution specification, "Error Codes". */
export async function sendError(
  req: IncomingMessage,
  res: ServerResponse,
  error: Pick<FeedError, 'status' | 'message' | 'detail' | 'headers'> & { readonly code: string },
): Promise<void> {
  const { code, message, detail } = error
  const bytes = Buffer.from(
    JSON.stringify({ errors: [{ code, message, ...(detail !== undefined && { detail }) }] }),
  )
  res.writeHead(error.status, {
    'Content-Type': 'application/json',
    'Content-Length': bytes.length,
    ...error.headers,
  })
  if (req.method === 'HEAD') {
    res.end()
    return
  }
  res.write(bytes)
  // Closing on a client that still sends resets the connection, and the answer is lost with it.
  if (hasBody(req) && !req.readableEnded) await drain(req)
  res.end()
}

/** Lets a client finish what it is sending, within bounds; a longer body loses its connection. */
function drain(req: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let drained = 0
    const timer = setTimeout(() => req.destroy(), DRAIN_MS)
    const done = () => {
      clearTimeout(timer)
      resolve()
    }
    req.on('data', (chunk: Buffer) => {
      drained += chunk.length
      if (drained > DRAIN_BYTES) req.destroy()
    })
    req.once('end', done)
    req.once('close', done)
    req.once('error', done)
    if (req.destroyed) done()
    req.resume()
  })
}

/**
 * Streams a body whose length the headers gave. One chunk at a time: the producer may reuse its
 * buffers once the socket has taken a chunk. Rejects when the client leaves or reads nothing for
 * `stallMs`.
 */
export async function sendStream(
  res: ServerResponse,
  chunks: AsyncIterable<Uint8Array>,
  stallMs: number,
): Promise<void> {
  res.setTimeout(stallMs, () => res.destroy())
  for await (const chunk of chunks) await flush(res, chunk)
  res.setTimeout(0)
  res.end()
}

export class ClientGone extends Error {}

function flush(res: ServerResponse, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const gone = () => reject(new ClientGone('the client closed the connection'))
    if (res.destroyed) return gone()
    res.once('close', gone)
    res.write(chunk, (error) => {
      res.off('close', gone)
      if (error) reject(new ClientGone('the client closed the connection', { cause: error }))
      else resolve()
    })
  })
}
