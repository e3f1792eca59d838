import { sees } from '../access.ts'
import type { Call, Handle, Result } from '../call.ts'
import { pageOf } from '../paging.ts'
import { ApiError } from '../problem.ts'
import type { LaneView } from '../subjects.ts'

export const listLanes: Handle<'listLanes'> = async ({ services, grants, query }) => {
  const lanes = (await services.store.lanes.list()).filter(
    ({ fromFeedId, toFeedId }) => sees(grants, fromFeedId) || sees(grants, toFeedId),
  )
  return { status: 200, body: pageOf(lanes.map(viewOf), query, ({ name }) => name) }
}

/** 202 where a second administrator must confirm. */
const answered = (lane: LaneView, made: 200 | 201) => ({
  status: lane.pending === null ? made : 202,
  body: viewOf(lane),
})

export const createLane = async ({
  services,
  actor,
  body,
}: Call<'createLane'>): Promise<Result<'createLane'>> =>
  answered(await services.store.lanes.create(actor, { ...body, policy: body.policy ?? {} }), 201)

export const getLane = async (_: Call<'getLane'>, lane: LaneView): Promise<Result<'getLane'>> => {
  return { status: 200, body: viewOf(lane) }
}

export const putLane = async (
  { services, actor, query, body }: Call<'putLane'>,
  lane: LaneView,
): Promise<Result<'putLane'>> => {
  const { policy, ...fixed } = body
  const view = viewOf(lane)
  const errors = (['name', 'from', 'to'] as const)
    .filter((field) => fixed[field] !== undefined && fixed[field] !== view[field])
    .map((field) => ({ field, rule: 'fixed', message: `stays ${view[field]}; make another lane` }))
  if (errors.length > 0) throw new ApiError('invalid', 'a lane keeps its name and both its feeds', { errors })
  const invalidate = query.invalidate === 'true'
  return answered(await services.store.lanes.put(actor, lane.name, { policy, invalidate }), 200)
}

export const deleteLane = async (
  { services, actor }: Call<'deleteLane'>,
  lane: LaneView,
): Promise<Result<'deleteLane'>> => {
  const waiting = await services.store.lanes.remove(actor, lane.name)
  return waiting === null ? { status: 204 } : { status: 202, body: viewOf(waiting) }
}

export const listLaneVersions = async (
  { services, query }: Call<'listLaneVersions'>,
  lane: LaneView,
): Promise<Result<'listLaneVersions'>> => {
  const versions = await services.store.lanes.versions(lane.name)
  return { status: 200, body: pageOf(versions, query, ({ version }) => String(version)) }
}

export const confirmLaneChange = async ({
  services,
  actor,
  params,
}: Call<'confirmLaneChange'>): Promise<Result<'confirmLaneChange'>> => {
  const lane = await services.store.lanes.confirm(actor, params.lane, params.id)
  return lane === null ? { status: 204 } : { status: 200, body: viewOf(lane) }
}

export const withdrawLaneChange = async ({
  services,
  actor,
  params,
}: Call<'withdrawLaneChange'>): Promise<Result<'withdrawLaneChange'>> => {
  await services.store.lanes.withdraw(actor, params.lane, params.id)
  return { status: 204 }
}

function viewOf({ id, name, version, from, to, policy, createdAt, updatedAt, pending }: LaneView) {
  return { id, name, version, from, to, policy, createdAt, updatedAt, pending }
}
