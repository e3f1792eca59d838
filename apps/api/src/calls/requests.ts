import { StoreError } from '@sluice/store'
import { has, historyFeedIds } from '../access.ts'
import type { Call, Grants, Handle, Result } from '../call.ts'
import { issuesOf } from '../errors.ts'
import { ApiError, notFound } from '../problem.ts'
import { requestAt } from '../pull.ts'
import type { LaneView } from '../subjects.ts'

export const createRequest = async (
  { services, actor, grants, origin, headers, body }: Call<'createRequest'>,
  lane: LaneView,
): Promise<Result<'createRequest'>> => {
  requirePull(grants, lane, body)
  const key = headers['idempotency-key']
  const { request, created } = await fieldsAsSent(body, () =>
    services.store.requests.create(
      actor,
      { ...askedBy(body), ...(key !== undefined && { idempotencyKey: key }) },
      services.storage,
    ),
  )
  return {
    status: created ? 201 : 200,
    headers: { Location: `/api/v1/requests/${request.id}` },
    body: requestAt(origin, request),
  }
}

export const evaluateRequest = async (
  { services, actor, grants, body }: Call<'evaluateRequest'>,
  lane: LaneView,
): Promise<Result<'evaluateRequest'>> => {
  requirePull(grants, lane, body)
  const evaluation = await fieldsAsSent(body, () =>
    services.store.requests.evaluate(actor, askedBy(body), services.storage),
  )
  return { status: 200, body: evaluation }
}

export const listRequests: Handle<'listRequests'> = async ({ services, grants, origin, query }) => {
  const visibleFeedIds = historyFeedIds(grants)
  const { items, next } = await services.store.requests.list({ ...query, visibleFeedIds })
  return { status: 200, body: { items: items.map((request) => requestAt(origin, request)), next } }
}

export const getRequest = async ({
  services,
  origin,
  params,
}: Call<'getRequest'>): Promise<Result<'getRequest'>> => {
  await services.store.remotes.look.again(params.id)
  const request = await services.store.requests.get(params.id)
  if (request === null) throw notFound(`request ${params.id}`)
  return { status: 200, body: requestAt(origin, request) }
}

export const decideRequest = async ({
  services,
  actor,
  origin,
  params,
  body,
}: Call<'decideRequest'>): Promise<Result<'decideRequest'>> => {
  const { decision, digest, comment } = body
  const { requests } = services.store
  const request =
    decision === 'approve'
      ? await requests.approve(
          actor,
          params.id,
          { digest, ...(comment !== undefined && { comment }) },
          services.storage,
        )
      : await requests.reject(actor, params.id, { digest, comment: comment ?? '' })
  return { status: 201, body: requestAt(origin, request) }
}

export const revokeApproval = async ({
  services,
  actor,
  origin,
  params,
}: Call<'revokeApproval'>): Promise<Result<'revokeApproval'>> => {
  const request = await services.store.requests.revokeApproval(actor, params.id)
  return { status: 200, body: requestAt(origin, request) }
}

export const cancelRequest = async ({
  services,
  actor,
  origin,
  params,
}: Call<'cancelRequest'>): Promise<Result<'cancelRequest'>> => {
  const request = await services.store.requests.cancel(actor, params.id)
  return { status: 200, body: requestAt(origin, request) }
}

export const retryRequest = async ({
  services,
  actor,
  origin,
  params,
}: Call<'retryRequest'>): Promise<Result<'retryRequest'>> => {
  const request = await services.store.requests.retry(actor, params.id)
  return { status: 200, body: requestAt(origin, request) }
}

export const breakGlass = async ({
  services,
  actor,
  origin,
  body,
}: Call<'breakGlass'>): Promise<Result<'breakGlass'>> => {
  const request = await services.store.requests.breakGlass(actor, body)
  return {
    status: 201,
    headers: { Location: `/api/v1/requests/${request.id}` },
    body: requestAt(origin, request),
  }
}

export const reviewRequest = async ({
  services,
  actor,
  origin,
  params,
  body,
}: Call<'reviewRequest'>): Promise<Result<'reviewRequest'>> => {
  const request = await services.store.requests.review(actor, params.id, body)
  return { status: 201, body: requestAt(origin, request) }
}

type Body = Call<'createRequest'>['body']

/** What leads back is read from the feed that the lane leads to. */
function requirePull(grants: Grants, { to, toFeedId }: LaneView, { kind = 'promote' }: Body): void {
  if (kind === 'promote' || has(grants, toFeedId, 'pull')) return
  throw new ApiError('forbidden', `this needs the grant pull on the feed ${to}`)
}

function askedBy({ lane, kind, image, targetRepository, targetTags, items, reason, links }: Body) {
  const single = {
    image: image ?? '',
    ...(targetRepository !== undefined && { targetRepository }),
    ...(targetTags !== undefined && { targetTags }),
  }
  return {
    lane,
    ...(kind !== undefined && { kind }),
    items: items ?? [single],
    ...(reason !== undefined && { reason }),
    ...(links !== undefined && { links }),
  }
}

/** A single image is one item to the store; its caller wrote `image`, and reads `image` in the refusal. */
async function fieldsAsSent<T>(body: Body, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (body.items !== undefined || !(error instanceof StoreError)) throw error
    const { code, message, field, detail } = error
    const asSent = (text: string) => text.replaceAll('items[0].', '')
    const issues = issuesOf(detail)?.map((issue) => ({ ...issue, field: asSent(issue.field) }))
    throw new StoreError(code, asSent(message), {
      cause: error,
      detail: issues === undefined ? detail : { issues },
      ...(field !== undefined && { field: asSent(field) }),
    })
  }
}
