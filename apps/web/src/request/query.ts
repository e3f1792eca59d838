import { isFinal, type Request, type RequestEvent } from '@sluice/contract'
import { type QueryClient, queryOptions, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { client } from '../session/client.ts'
import { pause, useLive, useSeen } from '../session/live.ts'

const key = (id: string) => ['request', id]

/** A source tag that moves is no event, and gates pass as time goes by: while a decision is open it is asked for. */
const [OPEN_EVERY_MS, ASKED_EVERY_MS] = [20_000, 5_000]

export const requestQuery = (id: string) =>
  queryOptions({ queryKey: key(id), queryFn: () => client().getRequest({ params: { id } }) })

export function useRequest(id: string) {
  const queries = useQueryClient()
  const every = useLive() === 'live' ? OPEN_EVERY_MS : ASKED_EVERY_MS
  const seen = useSeen()
  const query = useQuery({
    ...requestQuery(id),
    refetchInterval: ({ state }) => (state.data?.state === 'PENDING' ? every : false),
  })
  const open = query.data !== undefined && !isFinal(query.data)
  useEffect(() => {
    if (!open || !seen) return undefined
    const stop = new AbortController()
    void follow(queries, id, stop.signal)
    return () => stop.abort()
  }, [queries, id, open, seen])
  return query
}

/** What a command answered is what the screen shows, before it is asked again. */
export function keepRequest(queries: QueryClient, request: Request): void {
  queries.setQueryData(key(request.id), request)
  void queries.invalidateQueries({ queryKey: ['requests'] })
}

/** Follows the stream until it is final; a stream that breaks is opened again, after a while. */
async function follow(queries: QueryClient, id: string, signal: AbortSignal): Promise<void> {
  for (let failures = 0; !signal.aborted; failures++) {
    try {
      for await (const event of client().watchRequest(id, { signal })) {
        failures = 0
        happened(queries, id, event)
        if (isFinal(event)) return
      }
    } catch {
      // A refusal is told by the query; here only the next try matters.
    }
    if (signal.aborted) return
    await pause(Math.min(30_000, 1_000 * 2 ** failures), signal)
    void queries.invalidateQueries({ queryKey: key(id) })
  }
}

function happened(queries: QueryClient, id: string, { state, promotion }: RequestEvent): void {
  const known = queries.getQueryData<Request>(key(id))
  if (known === undefined) return
  queries.setQueryData(key(id), { ...known, state, promotion })
  // Gates, approvals and times come with a change of state, not with its event.
  if (known.state !== state || known.promotion?.state !== promotion?.state) {
    void queries.invalidateQueries({ queryKey: key(id) })
    void queries.invalidateQueries({ queryKey: ['requests'] })
  }
}
