import type { Running, Site } from '@sluice/contract'
import { queryOptions, useQuery } from '@tanstack/react-query'
import { allPages } from '../parts/paging.ts'
import { client } from '../session/client.ts'

/** Reports come every few minutes. */
const EVERY_MS = 30_000
const MOST = 1_000

export const sitesQuery = queryOptions({
  queryKey: ['sites'],
  queryFn: () => allPages((page) => client().listSites({ query: page })),
  refetchInterval: EVERY_MS,
})

export const siteQuery = (site: string) =>
  queryOptions({
    queryKey: ['sites', site],
    queryFn: () => client().getSite({ params: { site } }),
    refetchInterval: EVERY_MS,
  })

/** Where a digest runs, and ran: itself, an index with it, an image in it. */
export const whereQuery = (digest: string) =>
  queryOptions({
    queryKey: ['running', digest],
    queryFn: () =>
      allPages((page) => client().listRunning({ query: { digest, past: 'true', ...page } }), 200),
    refetchInterval: EVERY_MS,
  })

/** What runs although it is recalled. */
export function useRecalledRunning() {
  return useQuery({
    queryKey: ['running', 'recalled'],
    queryFn: () =>
      allPages((page) => client().listRunning({ query: { standing: 'recalled', ...page } }), MOST),
    refetchInterval: EVERY_MS,
    staleTime: 10_000,
  })
}

/** What of it the filter of the inbox asks for. */
export const runningFor = (running: readonly Running[], find = '') =>
  running.filter(({ site, digest, images, repositories, recall }) =>
    [site, digest, recall?.reason ?? '', ...images, ...repositories].some((text) =>
      text.toLowerCase().includes(find.toLowerCase()),
    ),
  )

export const keyOf = ({ site, digest, since }: Running) => `${site} ${digest} ${since}`

export const total = ({ running }: Site): number => Object.values(running).reduce((sum, one) => sum + one, 0)
