import { EventEmitter } from 'node:events'
import { listen, type Store } from '@sluice/store'
import type { RequestScope } from './access.ts'

/** Hears of changes of requests and promotions, from whichever process they come. */
export type Watch = {
  /** Calls back at every change of this request; answers how to stop that. */
  on(requestId: string, changed: () => void): () => void
  /** Calls back at every change of any request; with null where changes were missed. */
  onAny(changed: (requestId: string | null) => void): () => void
  /** What the right to this request hangs on, which never changes: kept, for many ask at the same moment. */
  scopeOf(requestId: string): Promise<RequestScope | null>
  /** One more stream of this caller; null when it has as many as it may. Answers how to give it back. */
  take(principalId: string): (() => void) | null
  /** Aborted when the service stops: open streams end. */
  readonly stopping: AbortSignal
  close(): Promise<void>
}

/** A person's tabs and scripts; more than these are a fault of whoever opens them. */
const STREAMS_EACH = 32
const SCOPES_KEPT = 1_000

const [ALL, ANY] = [Symbol('all'), Symbol('any')]

export async function openWatch(store: Store): Promise<Watch> {
  const emitter = new EventEmitter({ captureRejections: false }).setMaxListeners(0)
  const stop = new AbortController()
  const scopes = new Map<string, Promise<RequestScope | null>>()
  const taken = new Map<string, number>()
  const listening = await listen(store, (event) => {
    if (event.channel === 'sluice_due') return
    // What happened while the connection was down was missed: all look again.
    if (event.channel === 'reconnected') emitter.emit(ALL)
    else emitter.emit(event.requestId)
    emitter.emit(ANY, event.channel === 'reconnected' ? null : event.requestId)
  })
  return {
    on(requestId, changed) {
      emitter.on(requestId, changed).on(ALL, changed)
      return () => void emitter.off(requestId, changed).off(ALL, changed)
    },
    onAny(changed) {
      emitter.on(ANY, changed)
      return () => void emitter.off(ANY, changed)
    },
    scopeOf(requestId) {
      const kept = scopes.get(requestId)
      if (kept !== undefined) return kept
      const asked = store.requests.scope(requestId)
      asked.catch(() => scopes.delete(requestId))
      scopes.set(requestId, asked)
      const [oldest] = scopes.keys()
      if (scopes.size > SCOPES_KEPT && oldest !== undefined) scopes.delete(oldest)
      return asked
    },
    take(principalId) {
      const count = taken.get(principalId) ?? 0
      if (count >= STREAMS_EACH) return null
      taken.set(principalId, count + 1)
      return () => {
        const left = (taken.get(principalId) ?? 1) - 1
        if (left > 0) taken.set(principalId, left)
        else taken.delete(principalId)
      }
    },
    stopping: stop.signal,
    async close() {
      stop.abort()
      await listening.close()
    },
  }
}
