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

export const createLane = async ({
  services,
  actor,
  body,
}: Call<'createLane'>): Promise<Result<'createLane'>> => {
  return {
    status: 201,
    body: viewOf(await services.store.lanes.create(actor, { ...body, policy: body.policy ?? {} })),
  }
}

export const getLane = async (_: Call<'getLane'>, lane: LaneView): Promise<Result<'getLane'>> => {
  return { status: 200, body: viewOf(lane) }
}

export const putLane = async (
  { services, actor, body }: Call<'putLane'>,
  lane: LaneView,
): Promise<Result<'putLane'>> => {
  const { policy, ...fixed } = body
  const view = viewOf(lane)
  const errors = (['name', 'from', 'to'] as const)
    .filter((field) => fixed[field] !== undefined && fixed[field] !== view[field])
    .map((field) => ({ field, rule: 'fixed', message: `stays ${view[field]}; make another lane` }))
  if (errors.length > 0) throw new ApiError('invalid', 'a lane keeps its name and both its feeds', { errors })
  return { status: 200, body: viewOf(await services.store.lanes.put(actor, lane.name, { policy })) }
}

export const deleteLane = async (
  { services, actor }: Call<'deleteLane'>,
  lane: LaneView,
): Promise<Result<'deleteLane'>> => {
  await services.store.lanes.remove(actor, lane.name)
  return { status: 204 }
}

function viewOf({ id, name, version, from, to, policy, createdAt, updatedAt }: LaneView) {
  return { id, name, version, from, to, policy, createdAt, updatedAt }
}
