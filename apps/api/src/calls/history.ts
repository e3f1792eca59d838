import { pullCommand } from '@sluice/contract'
import { parseDigest, parseFeedQualified } from '@sluice/oci'
import type { AdmissionView } from '@sluice/store'
import { has, historyFeedIds, pullFeedIds } from '../access.ts'
import type { Handle } from '../call.ts'
import { ApiError, notFound } from '../problem.ts'
import { addressAt, executedAt } from '../pull.ts'
import { feedNamed } from '../subjects.ts'

export const listPromotions: Handle<'listPromotions'> = async ({ services, grants, origin, query }) => {
  const { since, until, ...rest } = query
  const filter = { ...rest, ...between({ since, until }), visibleFeedIds: historyFeedIds(grants) }
  const { items, next } = await services.store.promotions.list(filter)
  return { status: 200, body: { items: items.map((executed) => executedAt(origin, executed)), next } }
}

export const getWeeks: Handle<'getWeeks'> = async ({ services, grants, query }) => {
  const visibleFeedIds = historyFeedIds(grants)
  return { status: 200, body: { weeks: await services.store.promotions.weeks({ ...query, visibleFeedIds }) } }
}

/** As the history of one tag: what is in a feed is seen by who may pull from it. */
export const listTagMoves: Handle<'listTagMoves'> = async ({ services, grants, query }) => {
  const { since, until, ...rest } = query
  const visibleFeedIds = pullFeedIds(grants)
  const filter = { ...rest, ...between({ since, until }), visibleFeedIds }
  const { items, next } = await services.store.feeds.moves(filter)
  const moves = items.map(({ promotionId, requestId, ...move }) => ({
    ...move,
    promotion: promotionId,
    request: requestId,
  }))
  return { status: 200, body: { items: moves, next } }
}

export const getDigest: Handle<'getDigest'> = async ({ services, grants, origin, params }) => {
  parseDigest(params.digest)
  const readable = pullFeedIds(grants)
  const view = await services.store.digests.get(params.digest, readable)
  if (view === null) throw notFound(`digest ${params.digest}`)
  const { locations, containedIn: within, ...of } = view
  const places = locations.map(({ admission, address, ...place }) => ({
    ...place,
    admission: admissionOf(admission),
    pullCommand:
      place.recall === null
        ? pullCommand(addressAt(origin, { feed: place.feed, address }), place.repository, params.digest)
        : null,
  }))
  const containedIn = within.map((index) => ({ ...index, tags: [...index.tags] }))
  const { items } = await services.store.evidence.list({
    digest: params.digest,
    limit: 50,
    visibleFeedIds: readable,
  })
  return { status: 200, body: { ...of, places, containedIn, evidence: items } }
}

export const verify: Handle<'verify'> = async ({ services, grants, body }) => {
  const { feed: name, repository, tag, digest } = parseFeedQualified(body.image)
  const feed = await feedNamed(services.store, name)
  if (feed === null || !has(grants, feed.id, 'pull')) throw notFound(`feed ${name}`)
  if (tag === null && digest === null) {
    const message = 'name a tag or a digest; none is assumed'
    throw new ApiError('invalid', message, { errors: [{ field: 'image', rule: 'required', message }] })
  }
  if (tag !== null && digest === null) await services.store.remotes.look.glance(feed, repository, tag)
  const { admission, ...verdict } = await services.store.verify({
    feedId: feed.id,
    repository,
    ...(tag !== null && { tag }),
    ...(digest !== null && { digest }),
  })
  return { status: 200, body: { ...verdict, admission: admissionOf(admission) } }
}

export const listAudit: Handle<'listAudit'> = async ({ services, query }) => {
  const { since, until, ...rest } = query
  return { status: 200, body: await services.store.audit.list({ ...rest, ...between({ since, until }) }) }
}

function admissionOf(admission: AdmissionView | null) {
  if (admission === null) return null
  const { id, promotionId, requestId, breakGlass, requester, approvers, at } = admission
  return { id, promotion: promotionId, request: requestId, breakGlass, requester, approvers, at }
}

function between({ since, until }: { since: string | undefined; until: string | undefined }) {
  return {
    ...(since !== undefined && { since: new Date(since) }),
    ...(until !== undefined && { until: new Date(until) }),
  }
}
