import { z } from 'zod'
import { promotion } from './promotions.ts'
import { requestState } from './requests.ts'

/** One event of `GET /requests/{id}/events`: how far it is, whole each time, so that none may be missed. */
export const requestEvent = z.object({ state: requestState, promotion: promotion.nullable() })
export type RequestEvent = z.infer<typeof requestEvent>

/**
 * One event of `GET /events`: requests that the caller may see, of which something changed; ids only. `all` says
 * that any of them may have changed unheard: the first event, and whenever the service itself had missed some.
 */
export const changesEvent = z.object({ all: z.boolean(), requests: z.array(z.string()) })
export type ChangesEvent = z.infer<typeof changesEvent>
