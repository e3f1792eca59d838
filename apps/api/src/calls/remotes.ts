import type { Call, Result } from '../call.ts'
import { ApiError, unauthenticated } from '../problem.ts'
import { notificationSecret, sameSecret } from '../secret.ts'
import type { FeedView } from '../subjects.ts'
import { feedNamed } from '../subjects.ts'

export const testConnection = async (
  { services, body }: Call<'testConnection'>,
  feed: FeedView,
): Promise<Result<'testConnection'>> => {
  requireKind(feed, ['remote', 'proxy'])
  return { status: 200, body: await services.store.remotes.test(feed.id, body.repository) }
}

/** For who administers the feed: the registry shows it to be listened to. */
export const getNotificationKey = async (
  { services, origin }: Call<'getNotificationKey'>,
  feed: FeedView,
): Promise<Result<'getNotificationKey'>> => {
  requireKind(feed, ['remote'])
  const secret = notificationSecret(services.secret, feed.id)
  const url = `${origin}/api/v1/feeds/${feed.name}/notifications`
  return { status: 200, body: { url, authorization: `Bearer ${secret}` } }
}

/** A feed that is not there, one that is not remote and a wrong header are one answer. */
export const notifyFeed = async ({
  services,
  params,
  headers,
  body,
}: Call<'notifyFeed'>): Promise<Result<'notifyFeed'>> => {
  const feed = await feedNamed(services.store, params.feed)
  const secret = `Bearer ${notificationSecret(services.secret, feed?.id ?? '')}`
  if (!sameSecret(secret, headers.authorization ?? '') || feed?.kind !== 'remote') {
    throw unauthenticated('the header Authorization is not that of the notification key of such a feed')
  }
  const hints = body.events.flatMap(({ target }) =>
    target?.repository === undefined ? [] : [{ repository: target.repository, tag: target.tag ?? null }],
  )
  await services.store.remotes.hint(feed, hints)
  return { status: 202 }
}

function requireKind({ kind, name }: FeedView, kinds: readonly FeedView['kind'][]): void {
  if (kinds.includes(kind)) return
  const message = `the feed ${name} is ${kind}; this is for feeds of the kind ${kinds.join(' or ')}`
  throw new ApiError('invalid', message, { errors: [{ field: 'feed', rule: 'kind', message }] })
}
