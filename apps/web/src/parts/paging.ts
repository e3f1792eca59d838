import { type InfiniteData, type QueryKey, useInfiniteQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useMemo, useRef } from 'react'
import { onChanges, useListEvery } from '../session/live.ts'
import { mergePages, type Page } from './merge-pages.ts'
import type { Loaded } from './states.tsx'

const MOST_OF_ONE_CALL = 200

/**
 * All pages fetched so far of one list of the api, as one list. With `keyOf` the list is live: its first page is
 * asked for when something changed, and never all of what was scrolled through.
 */
export function usePages<T>(
  key: QueryKey,
  fetchPage: (page: { limit: number; after?: string }) => Promise<Page<T>>,
  { keyOf, limit = 60 }: { keyOf?: (item: T) => string; limit?: number } = {},
) {
  const queries = useQueryClient()
  const every = useListEvery()
  // A change that was made here has every page asked for again, of the lists that are not live.
  const queryKey = keyOf === undefined ? key : ['pages', ...key]
  const query = useInfiniteQuery({
    queryKey,
    // The first page is small, so that it is soon there; who scrolls gets as much as one call gives.
    queryFn: ({ pageParam }) =>
      pageParam === null ? fetchPage({ limit }) : fetchPage({ limit: MOST_OF_ONE_CALL, after: pageParam }),
    initialPageParam: null as string | null,
    getNextPageParam: ({ next }) => next,
    // While a filter is typed the list stays, instead of going and coming with each letter.
    placeholderData: (before, of) => (sameButFilter(of?.queryKey, queryKey) ? before : undefined),
    ...(keyOf !== undefined && { staleTime: Number.POSITIVE_INFINITY }),
  })
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = query
  const fresh = useRef(async () => {})
  fresh.current = async () => {
    if (keyOf === undefined || query.isFetching || data === undefined) return
    const first = await fetchPage({ limit }).catch(() => null)
    if (first === null) return
    queries.setQueryData<InfiniteData<Page<T>, string | null>>(
      queryKey,
      (now) => now && mergePages(now, first, keyOf),
    )
  }
  const live = keyOf !== undefined
  const name = JSON.stringify(key)
  useEffect(() => {
    if (!live) return undefined
    void fresh.current()
    const forget = onChanges(() => void fresh.current())
    const timer = setInterval(() => document.hidden || void fresh.current(), every)
    return () => {
      forget()
      clearInterval(timer)
    }
  }, [live, name, every])
  const items = useMemo(() => data?.pages.flatMap((page) => page.items), [data])
  const more = useMemo(
    () => ({ has: hasNextPage, loading: isFetchingNextPage, load: () => void fetchNextPage() }),
    [hasNextPage, isFetchingNextPage, fetchNextPage],
  )
  const list: Loaded<T[]> = { data: items, error, refetch }
  return { list, more }
}

/** The last part of a key is what the list is filtered by, where it is an object. */
function sameButFilter(one: QueryKey | undefined, other: QueryKey): boolean {
  const rest = (key: QueryKey) => JSON.stringify(key.slice(0, -1))
  return one !== undefined && typeof other.at(-1) === 'object' && rest(one) === rest(other)
}

/** Every item of a list that is short by nature (feeds, lanes), or that has to be seen whole. */
export async function allPages<T>(
  fetchPage: (page: { limit: number; after?: string }) => Promise<Page<T>>,
  most = Number.POSITIVE_INFINITY,
): Promise<T[]> {
  const items: T[] = []
  let after: string | null = null
  do {
    const page: Page<T> = await fetchPage({ limit: MOST_OF_ONE_CALL, ...(after !== null && { after }) })
    items.push(...page.items)
    after = page.next
  } while (after !== null && items.length < most)
  return items
}
