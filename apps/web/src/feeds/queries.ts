import { queryOptions } from '@tanstack/react-query'
import { allPages } from '../parts/paging.ts'
import { client, statusOf } from '../session/client.ts'

export const feedsQuery = queryOptions({
  queryKey: ['feeds'],
  queryFn: () => allPages((page) => client().listFeeds({ query: page })),
})

export const lanesQuery = queryOptions({
  queryKey: ['lanes'],
  queryFn: () => allPages((page) => client().listLanes({ query: page })),
})

/** All tags, the lowest version first, as the service answers them; none where there is no such repository. */
export const tagsQuery = (feed: string, repository: string) =>
  queryOptions({
    queryKey: ['tags', feed, repository, 'all'],
    queryFn: () =>
      allPages((page) => client().listTags({ params: { feed }, query: { repository, ...page } })).catch(
        (error: unknown) => {
          if (statusOf(error) === 404) return []
          throw error
        },
      ),
  })
