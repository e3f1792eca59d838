import { once } from 'node:events'
import type { ChangesEvent } from '@sluice/contract'
import type { Response } from 'express'
import { seesHistory } from '../access.ts'
import type { Caller, Grants } from '../call.ts'
import { ApiError } from '../problem.ts'
import { closed, EVENT_STREAM, HEARTBEAT_MS } from './events.ts'

/** Changes that come together are told together. */
const TOGETHER_MS = 250
/** More than these at a time are told as `all`: who lists asks again either way. */
const MOST = 200

const ALL: ChangesEvent = { all: true, requests: [] }

/**
 * `GET /events`: ids of requests that changed, of those the caller may see. Nothing is kept for who was away: the
 * first event says `all`. Who asks is asked again before an id is sent and at every heartbeat; rights that
 * changed are told as `all`.
 */
export async function streamChanges(identify: () => Promise<Caller>, res: Response): Promise<void> {
  let caller = await identify()
  const { watch } = caller.services
  const giveBack = watch.take(caller.actor.principalId)
  if (giveBack === null) {
    const message = 'this account follows as many streams as it may; close some of them'
    throw new ApiError('too_many_streams', message, { headers: { 'Retry-After': '30' } })
  }
  let missed = true
  let changed = new Set<string>()
  let wake: () => void = () => undefined
  const forget = watch.onAny((requestId) => {
    if (requestId === null || changed.size >= MOST) missed = true
    else changed.add(requestId)
    wake()
  })
  const ended = AbortSignal.any([watch.stopping, closed(res)])
  ended.addEventListener('abort', () => wake(), { once: true })
  const pause = (ms: number, wakes: () => boolean) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(() => done(), ms)
      const done = () => {
        clearTimeout(timer)
        resolve()
      }
      wake = () => wakes() && done()
      wake()
    })
  try {
    res.writeHead(200, EVENT_STREAM)
    while (!ended.aborted) {
      // What comes while this is told belongs to the next event.
      const [all, heard] = [missed, changed]
      missed = false
      changed = new Set()
      const ids = all ? [] : await visible(caller, heard)
      const silent = !all && heard.size === 0
      if (all || ids.length > 0 || silent) {
        const before = caller
        caller = await identify()
        const same = sameGrants(before.grants, caller.grants)
        // A change of rights shows and hides requests of which nothing happened.
        const event = all || !same ? ALL : { all: false, requests: ids }
        const sent =
          event.all || ids.length > 0 ? `event: changes\ndata: ${JSON.stringify(event)}\n\n` : ':\n\n'
        if (!res.write(sent)) await once(res, 'drain', { signal: ended })
        await pause(TOGETHER_MS, () => ended.aborted)
      }
      await pause(HEARTBEAT_MS, () => missed || changed.size > 0 || ended.aborted)
    }
  } catch (error) {
    // A right that ended, a reader that is gone: an end is the only answer left, and the next try is told why.
    if (!res.headersSent) throw error
  } finally {
    forget()
    giveBack()
    if (res.headersSent) res.end()
  }
}

async function visible({ services, grants }: Caller, changed: ReadonlySet<string>): Promise<string[]> {
  const scopes = await Promise.all(
    [...changed].map(async (id) => ({ id, scope: await services.watch.scopeOf(id) })),
  )
  return scopes.flatMap(({ id, scope }) =>
    scope !== null && (seesHistory(grants, scope.fromFeedId) || seesHistory(grants, scope.toFeedId))
      ? [id]
      : [],
  )
}

function sameGrants(one: Grants, other: Grants): boolean {
  const words = (grants: Grants) =>
    [...grants]
      .map(([feed, verbs]) => `${feed} ${[...verbs].sort().join(' ')}`)
      .sort()
      .join('\n')
  return words(one) === words(other)
}
