export * from './approvals.ts'
export * from './audit.ts'
export * from './auth.ts'
export {
  CallError,
  type CallErrorCode,
  type Calls,
  type Client,
  type ClientOptions,
  clientOf,
  type Input,
  type Reply,
} from './client.ts'
export { createClient } from './create-client.ts'
export * from './digests.ts'
export * from './evidence.ts'
export { type ChangesEvent, changesEvent, type RequestEvent, requestEvent } from './events.ts'
export * from './feeds.ts'
export * from './grants.ts'
export * from './groups.ts'
export { isFinal } from './is-final.ts'
export * from './lanes.ts'
export * from './me.ts'
export { openApi } from './openapi.ts'
export {
  type Answer,
  type Operation,
  type OperationId,
  type Operations,
  operationIds,
  operations,
  type Received,
} from './operations.ts'
export { API_PREFIX, CHANGES_PATH, EVENTS_PATH } from './paths.ts'
export * from './problem.ts'
export * from './promotions.ts'
export { pullCommand } from './pull.ts'
export * from './purges.ts'
export * from './recalls.ts'
export * from './referrers.ts'
export * from './remotes.ts'
export * from './repositories.ts'
export * from './requests.ts'
export * from './sites.ts'
export * from './stages.ts'
export * from './storage.ts'
export * from './tags.ts'
export * from './tokens.ts'
export * from './users.ts'
export * from './verify.ts'
export * from './words.ts'
