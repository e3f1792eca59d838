import { type QueryKey, useInfiniteQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import type { Loaded } from './states.tsx'

type Page<T> = { readonly items: readonly T[]; readonly next: string | null }

/** All pages fetched so far of one list of the api, as one list. */
export function usePages<T>(
  key: QueryKey,
  fetchPage: (page: { limit: number; after?: string }) => Promise<Page<T>>,
  { every, enabled = true, limit = 100 }: { every?: number; enabled?: boolean; limit?: number } = {},
) {
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam }) => fetchPage({ limit, ...(pageParam !== null && { after: pageParam }) }),
    initialPageParam: null as string | null,
    getNextPageParam: ({ next }) => next,
    enabled,
    ...(every !== undefined && { refetchInterval: every }),
  })
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = query
  const items = useMemo(() => data?.pages.flatMap((page) => page.items), [data])
  const more = useMemo(
    () => ({ has: hasNextPage, loading: isFetchingNextPage, load: () => void fetchNextPage() }),
    [hasNextPage, isFetchingNextPage, fetchNextPage],
  )
  const list: Loaded<T[]> = { data: items, error, refetch }
  return { list, more }
}

/** Every item of a list that is short by nature (feeds, lanes), or that has to be seen whole. */
export async function allPages<T>(
  fetchPage: (page: { limit: number; after?: string }) => Promise<Page<T>>,
  most = Number.POSITIVE_INFINITY,
): Promise<T[]> {
  const items: T[] = []
  let after: string | null = null
  do {
    const page: Page<T> = await fetchPage({ limit: 200, ...(after !== null && { after }) })
    items.push(...page.items)
    after = page.next
  } while (after !== null && items.length < most)
  return items
}
