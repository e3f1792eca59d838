import { pullFeedIds } from '../access.ts'
import type { Handle } from '../call.ts'

/** What is in a feed is seen by who may pull from it. */
export const listStages: Handle<'listStages'> = async ({ services, grants, query }) => {
  const visibleFeedIds = pullFeedIds(grants)
  const { items, next } = await services.store.feeds.stages({ ...query, visibleFeedIds })
  return { status: 200, body: { items: [...items], next } }
}
