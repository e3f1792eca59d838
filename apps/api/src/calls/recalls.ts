import { recallFeedIds } from '../access.ts'
import type { Call, Handle, Result } from '../call.ts'
import { type FeedView, feedNamed } from '../subjects.ts'

export const createRecall = async (
  { services, actor, body }: Call<'createRecall'>,
  { id: feedId }: FeedView,
): Promise<Result<'createRecall'>> => {
  const { digest, reason } = body
  const { recall, created } = await services.store.recalls.create(actor, { digest, feedId, reason })
  return { status: created ? 201 : 200, body: recall }
}

export const listRecalls: Handle<'listRecalls'> = async ({ services, grants, query }) => {
  const { feed: name, ...rest } = query
  const feed = name === undefined ? undefined : await feedNamed(services.store, name)
  const visibleFeedIds = feed === null ? [] : recallFeedIds(grants)
  const filter = { ...rest, ...(feed && { feedId: feed.id }), visibleFeedIds }
  return { status: 200, body: await services.store.recalls.list(filter) }
}
