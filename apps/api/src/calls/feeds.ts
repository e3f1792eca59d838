import { StoreError } from '@sluice/store'
import { pullFeedIds, sees, seesEverySite } from '../access.ts'
import type { Call, Handle, Result } from '../call.ts'
import { pageOf } from '../paging.ts'
import { addressAt } from '../pull.ts'
import type { FeedView } from '../subjects.ts'

/** Manifests that a preview shows at the most. */
const PREVIEWED = 1_000

export const listFeeds: Handle<'listFeeds'> = async ({ services, grants, origin, query }) => {
  const feeds = (await services.store.feeds.list()).filter(({ id }) => sees(grants, id))
  return {
    status: 200,
    body: pageOf(
      feeds.map((feed) => viewOf(origin, feed)),
      query,
      ({ name }) => name,
    ),
  }
}

export const createFeed: Handle<'createFeed'> = async ({ services, actor, origin, body }) => {
  const { kind, remote, cache = {}, ...feed } = body
  const made = await services.store.feeds.create(actor, {
    ...feed,
    ...(remote && { remote }),
    ...(kind === 'proxy' && { cache }),
  })
  return { status: 201, body: viewOf(origin, made) }
}

export const getFeed = async ({ origin }: Call<'getFeed'>, feed: FeedView): Promise<Result<'getFeed'>> => {
  return { status: 200, body: viewOf(origin, feed) }
}

export const updateFeed = async (
  { services, actor, origin, body }: Call<'updateFeed'>,
  feed: FeedView,
): Promise<Result<'updateFeed'>> => {
  const { kind, ...change } = body
  if (kind !== undefined && kind !== feed.kind) {
    const message = `the feed ${feed.name} is ${feed.kind}, and stays so; make another`
    throw new StoreError('feed_fixed', message, { field: 'kind' })
  }
  return { status: 200, body: viewOf(origin, await services.store.feeds.patch(actor, feed.name, change)) }
}

export const deleteFeed = async (
  { services, actor }: Call<'deleteFeed'>,
  { name }: FeedView,
): Promise<Result<'deleteFeed'>> => {
  await services.store.feeds.remove(actor, name)
  return { status: 204 }
}

export const previewRetention = async (
  { services, actor, grants, body }: Call<'previewRetention'>,
  feed: FeedView,
): Promise<Result<'previewRetention'>> => {
  const visibleFeedIds = seesEverySite(actor) ? null : [feed.id, ...pullFeedIds(grants)]
  const asking = { ...body, limit: PREVIEWED, visibleFeedIds }
  const plan = await services.store.feeds.previewRetention(feed, asking)
  const items = plan.items.map((item) => ({ ...item, tags: [...item.tags] }))
  const kept = plan.kept.map((item) => ({ ...item, tags: [...item.tags], running: [...item.running] }))
  return { status: 200, body: { items, kept, more: plan.more } }
}

export const getGrants = async (
  { services }: Call<'getGrants'>,
  { id }: FeedView,
): Promise<Result<'getGrants'>> => {
  const { items, etag } = await services.store.feeds.grants(id)
  return { status: 200, headers: { ETag: etag }, body: { items, next: null } }
}

export const putGrants = async (
  { services, actor, headers, body }: Call<'putGrants'>,
  { id }: FeedView,
): Promise<Result<'putGrants'>> => {
  const { items, etag } = await services.store.feeds.putGrants(actor, id, body, headers['if-match'])
  return { status: 200, headers: { ETag: etag }, body: { items, next: null } }
}

function viewOf(origin: string, feed: FeedView) {
  const { id, name, formerNames, kind, stage, trusted, tagRules, retention, quota } = feed
  const { remote, cache, used, createdAt } = feed
  return {
    id,
    name,
    formerNames,
    kind,
    stage,
    trusted,
    tagRules,
    retention,
    quota,
    remote,
    address: addressAt(origin, { feed: name, address: feed.address }),
    cache,
    used,
    createdAt,
  }
}
