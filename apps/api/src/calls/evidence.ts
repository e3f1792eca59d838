import { wrappedEvidence } from '@sluice/contract'
import { has, historyFeedIds } from '../access.ts'
import type { Call, Grants, Handle, Result } from '../call.ts'
import { ApiError, fieldErrors, notFound } from '../problem.ts'

/** Whoever brings images to a feed, or asks for their promotion, may say something about them. */
function speaksFor(grants: Grants): string[] {
  return [...grants.keys()].filter((feedId) => has(grants, feedId, 'push') || has(grants, feedId, 'request'))
}

export const addEvidence = async ({
  services,
  actor,
  grants,
  query,
  body,
  bytes,
}: Call<'addEvidence'>): Promise<Result<'addEvidence'>> => {
  const { evidence, created } = await services.store.evidence.add(actor, {
    ...given(query, body, bytes),
    feedIds: speaksFor(grants),
  })
  return {
    status: created ? 201 : 200,
    headers: { Location: `/api/v1/evidence/${evidence.id}` },
    body: evidence,
  }
}

/** An object with `content` is a wrapping of ours; no format of evidence has such a field at its top. */
function given(query: Call<'addEvidence'>['query'], body: Call<'addEvidence'>['body'], bytes: Uint8Array) {
  if (!('content' in body)) return { bytes, ...query }
  const wrapped = wrappedEvidence.safeParse(body)
  if (!wrapped.success) {
    throw new ApiError('invalid', 'not valid evidence', { errors: fieldErrors(wrapped.error.issues) })
  }
  const { content, digest = query.digest, type = query.type } = wrapped.data
  return {
    bytes: Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)),
    ...(digest !== undefined && { digest }),
    ...(type !== undefined && { type }),
  }
}

export const listEvidence: Handle<'listEvidence'> = async ({ services, grants, query }) => {
  const visibleFeedIds = historyFeedIds(grants)
  return { status: 200, body: await services.store.evidence.list({ ...query, visibleFeedIds }) }
}

export const getEvidence: Handle<'getEvidence'> = async ({ services, grants, params }) => {
  const found = await services.store.evidence.get(params.id, historyFeedIds(grants))
  if (found === null) throw notFound(`evidence ${params.id}`)
  return { status: 200, body: found }
}
