import { pullCommand } from '@sluice/contract'
import type { Call, Result } from '../call.ts'
import { addressAt } from '../pull.ts'
import type { FeedView } from '../subjects.ts'

export const listRepositories = async (
  { services, query }: Call<'listRepositories'>,
  { id, remote }: FeedView,
): Promise<Result<'listRepositories'>> => {
  const { items, next } = await services.store.feeds.repositories(id, query)
  return { status: 200, body: { items, next, note: remote === null ? null : HEARD_OF } }
}

const HEARD_OF =
  'These are the repositories that requests have asked for, and those that the settings of the feed name (remote.repositories). ' +
  'A registry elsewhere is not asked for its list, which many refuse; others can be asked for by their name all the same.'

export const listTags = async (
  { services, origin, query }: Call<'listTags'>,
  { id, name: feed, kind, address }: FeedView,
): Promise<Result<'listTags'>> => {
  const { repository } = query
  const { items, next } =
    kind !== 'remote'
      ? await services.store.feeds.tags(id, repository, query)
      : await services.store.remotes.tags(id, repository, query)
  const at = addressAt(origin, { feed, address })
  const tags = items.map(({ promotionId, ...tag }) => ({
    ...tag,
    promotion: promotionId,
    pullCommand: pullCommand(at, repository, tag.tag),
  }))
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
  const moves = items.map(({ promotionId, requestId, ...move }) => ({
    ...move,
    promotion: promotionId,
    request: requestId,
  }))
  return { status: 200, body: { items: moves, next } }
}

export const restoreTag = async (
  { services, actor, body }: Call<'restoreTag'>,
  { id }: FeedView,
): Promise<Result<'restoreTag'>> => {
  const { repository, tag, digest, at } = body
  const to = digest === undefined ? { at: new Date(at ?? 0) } : { digest }
  return { status: 200, body: await services.store.feeds.restoreTag(actor, id, { repository, tag, to }) }
}
