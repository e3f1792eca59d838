import { has, recallFeedIds } from '../access.ts'
import type { Handle } from '../call.ts'
import { notFound } from '../problem.ts'
import { feedNamed } from '../subjects.ts'

export const openPurge: Handle<'openPurge'> = async ({ services, actor, body }) => {
  const { feed: name, ...asked } = body
  const feed = name === undefined ? undefined : await feedNamed(services.store, name)
  if (feed === null) throw notFound(`feed ${name}`)
  const { purge, created } = await services.store.purges.open(actor, { ...asked, feedId: feed?.id })
  return { status: created ? 201 : 200, body: purge }
}

export const confirmPurge: Handle<'confirmPurge'> = async ({ services, actor, grants, params }) => {
  const feedId = await services.store.purges.feedOf(params.id)
  if (feedId === null || !(actor.roles.includes('admin') || has(grants, feedId, 'recall'))) {
    throw notFound(`purge ${params.id}`)
  }
  return { status: 200, body: await services.store.purges.confirm(actor, params.id) }
}

export const listPurges: Handle<'listPurges'> = async ({ services, actor, grants, query }) => {
  const whole = actor.scopes.includes('*') && actor.roles.length > 0
  const filter = { ...query, visibleFeedIds: whole ? null : recallFeedIds(grants) }
  return { status: 200, body: await services.store.purges.list(filter) }
}
