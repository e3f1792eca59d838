import { z } from 'zod'
import { type PromotionState, promotion } from './promotions.ts'
import { type RequestState, requestState } from './requests.ts'

/** One event of `GET /requests/{id}/events`: how far it is, whole each time, so that none may be missed. */
export const requestEvent = z.object({ state: requestState, promotion: promotion.nullable() })
export type RequestEvent = z.infer<typeof requestEvent>

/**
 * One event of `GET /events`: requests that the caller may see, of which something changed; ids only. `all` says
 * that any of them may have changed unheard: the first event, and whenever the service itself had missed some.
 */
export const changesEvent = z.object({ all: z.boolean(), requests: z.array(z.string()) })
export type ChangesEvent = z.infer<typeof changesEvent>

type Standing = {
  readonly state: RequestState
  readonly promotion: { readonly state: PromotionState } | null
}

/** Nothing more happens to this request unless a person asks for it; the stream ends here. */
export function isFinal({ state, promotion }: Standing): boolean {
  if (state === 'PENDING') return false
  if (state !== 'APPROVED') return true
  return promotion !== null && promotion.state !== 'QUEUED' && promotion.state !== 'RUNNING'
}

const LINE_LIMIT = 1_000_000

/**
 * Reads `text/event-stream` (HTML, "Server-sent events"): the data of each event, heartbeats left out.
 * @throws RangeError when an event is larger than 1 MB
 */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  let data: string[] = []
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      rest += decoder.decode(value, { stream: true })
      const lines = rest.split('\n')
      rest = lines.pop() ?? ''
      if (rest.length > LINE_LIMIT) throw new RangeError('an event is larger than 1 MB')
      for (const line of lines) {
        if (line.startsWith('data:')) data.push(line.slice(5).trim())
        if (line.trim() !== '' || data.length === 0) continue
        yield data.join('\n')
        data = []
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}
