import type { Call, Result } from '../call.ts'
import type { FeedView } from '../subjects.ts'

export const listRepositories = async (
  { services, query }: Call<'listRepositories'>,
  { id }: FeedView,
): Promise<Result<'listRepositories'>> => {
  return { status: 200, body: await services.store.feeds.repositories(id, query) }
}

export const listTags = async (
  { services, query }: Call<'listTags'>,
  { id }: FeedView,
): Promise<Result<'listTags'>> => {
  const { items, next } = await services.store.feeds.tags(id, query.repository, query)
  const tags = items.map(({ promotionId, ...tag }) => ({ ...tag, promotion: promotionId }))
  return { status: 200, body: { items: tags, next } }
}

export const listTagHistory = async (
  { services, query }: Call<'listTagHistory'>,
  { id }: FeedView,
): Promise<Result<'listTagHistory'>> => {
  const { repository, tag, at } = query
  if (at !== undefined) {
    const digest = await services.store.feeds.tagAt(id, repository, tag, new Date(at))
    return { status: 200, body: { digest, items: [], next: null } }
  }
  const { items, next } = await services.store.feeds.tagHistory(id, repository, tag, query)
  const moves = items.map(({ promotionId, ...move }) => ({ ...move, promotion: promotionId }))
  return { status: 200, body: { items: moves, next } }
}
