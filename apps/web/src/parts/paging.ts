import {
  type InfiniteData,
  infiniteQueryOptions,
  type QueryClient,
  type QueryKey,
  useInfiniteQuery,
  useQueryClient,
} from '@tanstack/react-query'
import { useEffect, useMemo, useRef } from 'react'
import { onChanges, useListEvery } from '../session/live.ts'
import { mergePages, type Page } from './merge-pages.ts'
import type { Loaded } from './states.tsx'

const MOST_OF_ONE_CALL = 200

type Asked = { readonly limit: number; readonly after?: string }

/**
 * One list of the api, page by page. With `keyOf` it is live: its first page is asked for when something changed, and
 * never all of what was scrolled through.
 */
export type PagesOf<T> = {
  readonly key: QueryKey
  readonly fetchPage: (page: Asked) => Promise<Page<T>>
  readonly keyOf?: (item: T) => string
  /** The first page is small, so that it is soon there; who scrolls gets as much as one call gives. */
  readonly limit?: number
}

const FIRST = 60

function pagesOptions<T>({ key, fetchPage, keyOf, limit = FIRST }: PagesOf<T>) {
  return infiniteQueryOptions({
    // A change that was made here has every page asked for again, of the lists that are not live.
    queryKey: keyOf === undefined ? key : ['pages', ...key],
    queryFn: ({ pageParam }) =>
      pageParam === null ? fetchPage({ limit }) : fetchPage({ limit: MOST_OF_ONE_CALL, after: pageParam }),
    initialPageParam: null as string | null,
    getNextPageParam: ({ next }: Page<T>) => next,
    ...(keyOf !== undefined && { staleTime: Number.POSITIVE_INFINITY }),
  })
}

/** Asks for the first page while the script of its view is still on its way. */
export function prefetchPages<T>(queries: QueryClient, of: PagesOf<T>): Promise<void> {
  return queries.prefetchInfiniteQuery(pagesOptions(of))
}

/** All pages fetched so far, as one list. */
export function usePages<T>(
  key: QueryKey,
  fetchPage: PagesOf<T>['fetchPage'],
  { keyOf, limit = FIRST }: { keyOf?: (item: T) => string; limit?: number } = {},
) {
  const queries = useQueryClient()
  const every = useListEvery()
  const options = pagesOptions({ key, fetchPage, limit, ...(keyOf !== undefined && { keyOf }) })
  const { queryKey } = options
  const query = useInfiniteQuery({
    ...options,
    // While a filter is typed the list stays, instead of going and coming with each letter.
    placeholderData: (before, of) => (sameButFilter(of?.queryKey, queryKey) ? before : undefined),
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
