import { setTimeout as pause } from 'node:timers/promises'
import { CallError, type Client, isFinal, type Request } from '@sluice/contract'
import { CliError } from './errors.ts'
import type { Follower } from './follow.ts'

// The stream is only quicker than asking: a proxy that holds it back delays, and never hides, the end.
const lookAgainMs = 15_000
const pauseMs = 1_000
const patienceMs = 120_000

/**
 * Follows a request until nothing more happens to it by itself, over restarts of the service.
 * @param timeoutMs absent: as long as it takes (a request expires)
 * @throws CliError `timed_out`; CallError when the service refuses, or is gone for two minutes
 */
export async function waitForEnd(
  client: Client,
  id: string,
  { timeoutMs, follower }: { timeoutMs: number | undefined; follower: Follower },
): Promise<Request> {
  try {
    return await follow(client, id, timeoutMs, follower)
  } finally {
    follower.end()
  }
}

async function follow(
  client: Client,
  id: string,
  timeoutMs: number | undefined,
  { tell, last }: Follower,
): Promise<Request> {
  const deadline = timeoutMs === undefined ? new AbortController().signal : AbortSignal.timeout(timeoutMs)
  let heard = Date.now()
  for (;;) {
    try {
      const request = await client.getRequest({ params: { id } })
      heard = Date.now()
      tell(request.items, request)
      if (isFinal(request)) return request
      const signal = AbortSignal.any([deadline, AbortSignal.timeout(lookAgainMs)])
      for await (const event of client.watchRequest(id, { signal })) {
        tell(request.items, event)
        if (isFinal(event)) break
      }
    } catch (error) {
      if (!isPassing(error) || Date.now() - heard > patienceMs) throw error
      await pause(pauseMs, undefined, { signal: deadline }).catch(() => undefined)
    }
    if (deadline.aborted) {
      throw new CliError('timed_out', `request ${id} is not over in time; it goes on without you`, {
        details: [`last seen: ${last() || 'nothing'}`, `Look again: sluice status ${id} --watch`],
      })
    }
  }
}

/** A cut connection, a stream that was given up, a service that starts again or asks for patience. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof CallError)) return !(error instanceof RangeError)
  return error.code === 'unreachable' || [429, 502, 503, 504].includes(error.status ?? 0)
}
