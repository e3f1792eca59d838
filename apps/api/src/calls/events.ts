import { isFinal } from '@sluice/contract'
import type { Request, Response } from 'express'
import { requestSeen } from '../access.ts'
import type { Caller } from '../call.ts'
import { ApiError } from '../problem.ts'

export const HEARTBEAT_MS = 15_000

/** Neither kept nor held back on the way. */
export const EVENT_STREAM = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-store',
  'X-Accel-Buffering': 'no',
} as const

/**
 * `GET /requests/{id}/events`: the state now, then at every change, until it is final. Who asks is asked
 * again for each event and at every heartbeat, so that a right that ends ends the stream.
 */
export async function streamEvents(
  identify: () => Promise<Caller>,
  req: Request,
  res: Response,
): Promise<void> {
  const id = String(req.params['id'])
  const look = async () => {
    const { services, grants } = await identify()
    await requestSeen(services.store, grants, id)
    const request = await services.store.requests.get(id)
    if (request === null) throw new ApiError('not_found', 'the request is gone')
    return { state: request.state, promotion: request.promotion }
  }
  const { services } = await identify()
  let wake: () => void = () => undefined
  let changed = false
  const forget = services.watch.on(id, () => {
    changed = true
    wake()
  })
  const ended = AbortSignal.any([services.watch.stopping, closed(res)])
  ended.addEventListener('abort', () => wake(), { once: true })
  try {
    let event = await look()
    res.writeHead(200, EVENT_STREAM)
    let sent = ''
    while (!ended.aborted) {
      const data = JSON.stringify(event)
      if (data !== sent) res.write(`event: progress\ndata: ${data}\n\n`)
      else res.write(':\n\n')
      sent = data
      if (isFinal(event)) break
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => wake(), HEARTBEAT_MS)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
        if (changed || ended.aborted) wake()
      })
      changed = false
      if (ended.aborted) break
      event = await look()
    }
  } catch (error) {
    // Once events were sent, an end is the only answer left; the client asks again and is told why.
    if (!res.headersSent) throw error
  } finally {
    forget()
    if (res.headersSent) res.end()
  }
}

export function closed(res: Response): AbortSignal {
  const gone = new AbortController()
  if (res.closed) gone.abort()
  else res.once('close', () => gone.abort())
  return gone.signal
}
