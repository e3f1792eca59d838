import type { Request } from '@sluice/contract'
import { queryOptions, useQuery } from '@tanstack/react-query'
import { allPages } from '../parts/paging.ts'
import { client } from '../session/client.ts'
import { useListEvery } from '../session/live.ts'
import { may, useMe } from '../session/me.ts'

/** What went wrong stays listed this long; what can be retried, until it is. */
const WRONG_DAYS = 14
const MOST = 1_000

export const pendingQuery = queryOptions({
  queryKey: ['requests', 'pending'],
  queryFn: () => allPages((page) => client().listRequests({ query: { state: 'PENDING', ...page } }), MOST),
})

function usePending() {
  return useQuery({ ...pendingQuery, refetchInterval: useListEvery() })
}

/** Pending requests that this person could decide and has not. */
export function useWaiting() {
  const me = useMe()
  const pending = usePending()
  const data = pending.data?.filter(
    ({ lane, requester, approvals }) =>
      me.kind === 'person' &&
      may(me, 'approve', lane.to) &&
      requester !== me.name &&
      !approvals.some(({ person, revokedAt }) => person === me.name && revokedAt === null),
  )
  return { ...pending, data }
}

/** @param enabled what is shown comes before what is only counted */
export function useRunning(enabled: boolean) {
  return useQuery({
    enabled,
    queryKey: ['requests', 'running'],
    queryFn: async () => {
      const [running, queued] = await Promise.all(
        (['RUNNING', 'QUEUED'] as const).map((promotion) =>
          allPages((page) => client().listRequests({ query: { promotion, ...page } }), MOST),
        ),
      )
      return [...(running ?? []), ...(queued ?? [])]
    },
    refetchInterval: useListEvery(),
  })
}

/** What was let in without a quorum, until two others have looked at it. */
export function useReviews() {
  return useQuery({
    queryKey: ['requests', 'review'],
    queryFn: () => allPages((page) => client().listRequests({ query: { review: 'due', ...page } }), MOST),
    refetchInterval: useListEvery(),
  })
}

/** Broken and refused promotions, what waits for a review, and open requests whose source tag has moved since. */
export function useWrong(enabled: boolean) {
  const pending = usePending()
  const ended = useQuery({
    enabled,
    queryKey: ['requests', 'wrong'],
    queryFn: async () => {
      const since = Date.now() - WRONG_DAYS * 86_400_000
      const recent = ({ createdAt }: Request) => Date.parse(createdAt) >= since
      const [errored, failed, invalidated] = await Promise.all([
        allPages((page) => client().listRequests({ query: { promotion: 'ERRORED', ...page } }), MOST),
        client().listRequests({ query: { promotion: 'FAILED', limit: 200 } }),
        client().listRequests({ query: { state: 'INVALIDATED', limit: 200 } }),
      ])
      return [...errored, ...failed.items.filter(recent), ...invalidated.items.filter(recent)]
    },
    refetchInterval: useListEvery(),
  })
  const reviews = useReviews()
  const drifted = pending.data?.filter(({ items }) => items.some(({ drift }) => drift !== null))
  const data =
    ended.data === undefined || drifted === undefined || reviews.data === undefined
      ? undefined
      : [
          // A request may be there for two reasons.
          ...new Map([...ended.data, ...drifted, ...reviews.data].map((one) => [one.id, one])).values(),
        ].toSorted((a, b) => (a.createdAt < b.createdAt ? 1 : -1))
  return {
    data,
    error: ended.error ?? pending.error ?? reviews.error,
    refetch: () => Promise.all([ended.refetch(), pending.refetch(), reviews.refetch()]),
  }
}
