import type { Purge, Recall } from '@sluice/contract'
import { queryOptions, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { allPages } from '../parts/paging.ts'
import { client } from '../session/client.ts'
import { type Standing, standingIn } from './reach.ts'

/** Withdrawals are rare: beyond so many the newest are known. */
const MOST = 1_000
const EVERY_MS = 30_000

export const recallsQuery = queryOptions({
  queryKey: ['recalls'],
  queryFn: () => allPages((page) => client().listRecalls({ query: page }), MOST),
  refetchInterval: EVERY_MS,
  staleTime: 10_000,
})

export const purgesQuery = queryOptions({
  queryKey: ['purges'],
  queryFn: () => allPages((page) => client().listPurges({ query: page }), MOST),
  refetchInterval: EVERY_MS,
  staleTime: 10_000,
})

/** Where recalls stand now; nothing while that is not known. */
export function useStanding(): Standing {
  const { data } = useQuery(recallsQuery)
  return useMemo(() => standingIn(data ?? []), [data])
}

/** A recall with the purge that was asked for after it, if one was. */
export type Withdrawal = { readonly recall: Recall; readonly purge: Purge | null }

export function useWithdrawals() {
  const recalls = useQuery(recallsQuery)
  const purges = useQuery(purgesQuery)
  const data: Withdrawal[] | undefined =
    recalls.data === undefined || purges.data === undefined
      ? undefined
      : recalls.data.map((recall) => ({
          recall,
          purge: purges.data.find((purge) => purge.recall === recall.id) ?? null,
        }))
  return {
    data,
    error: recalls.error ?? purges.error,
    refetch: () => Promise.all([recalls.refetch(), purges.refetch()]),
  }
}

/** Parts of query keys that a withdrawal, or its end, makes old. */
export const WITHDRAWN = ['recalls', 'purges', 'digest', 'tags', 'request', 'requests'] as const
