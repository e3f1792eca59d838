import { historyFeedIds } from '../access.ts'
import type { Call, Handle, Result } from '../call.ts'
import { feedNamed } from '../subjects.ts'

export const listAlerts: Handle<'listAlerts'> = async ({ services, grants, query }) => {
  const { feed: name, ...rest } = query
  const feed = name === undefined ? undefined : await feedNamed(services.store, name)
  const visibleFeedIds = feed === null ? [] : historyFeedIds(grants)
  const filter = { ...rest, ...(feed && { feedId: feed.id }), visibleFeedIds }
  return { status: 200, body: await services.store.remotes.alerts.list(filter) }
}

export const resolveAlert = async ({
  services,
  actor,
  params,
  body,
}: Call<'resolveAlert'>): Promise<Result<'resolveAlert'>> => {
  return { status: 200, body: await services.store.remotes.alerts.resolve(actor, params.id, body) }
}
