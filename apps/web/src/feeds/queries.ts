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

const noneWhereNotThere = (error: unknown) => {
  if (statusOf(error) === 404) return null
  throw error
}

/** Beyond these nobody compares. */
const MOST_TAGS = 1_000

/** The highest versions, the lowest of them first; none where there is no such repository. */
export const tagsQuery = (feed: string, repository: string) =>
  queryOptions({
    queryKey: ['tags', feed, repository, 'highest'],
    queryFn: async () => {
      const found = await allPages(
        (page) => client().listTags({ params: { feed }, query: { repository, order: 'desc', ...page } }),
        MOST_TAGS,
      ).catch(noneWhereNotThere)
      return found?.toReversed() ?? []
    },
  })
