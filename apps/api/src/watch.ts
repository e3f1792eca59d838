import { EventEmitter } from 'node:events'
import { listen, type Store } from '@sluice/store'

/** Hears of changes of requests and promotions, from whichever process they come. */
export type Watch = {
  /** Calls back at every change of this request; answers how to stop that. */
  on(requestId: string, changed: () => void): () => void
  /** Aborted when the service stops: open streams end. */
  readonly stopping: AbortSignal
  close(): Promise<void>
}

const ALL = Symbol('all')

export async function openWatch(store: Store): Promise<Watch> {
  const emitter = new EventEmitter({ captureRejections: false }).setMaxListeners(0)
  const stop = new AbortController()
  const listening = await listen(store, (event) => {
    // What happened while the connection was down was missed: all look again.
    if (event.channel === 'reconnected') emitter.emit(ALL)
    else emitter.emit(event.requestId)
  })
  return {
    on(requestId, changed) {
      emitter.on(requestId, changed).on(ALL, changed)
      return () => void emitter.off(requestId, changed).off(ALL, changed)
    },
    stopping: stop.signal,
    async close() {
      stop.abort()
      await listening.close()
    },
  }
}
