export * from './approvals.ts'
export * from './audit.ts'
export * from './auth.ts'
export {
  CallError,
  type CallErrorCode,
  type Client,
  type ClientOptions,
  createClient,
  type Input,
  type Reply,
} from './client.ts'
export * from './digests.ts'
export * from './evidence.ts'
export { type ChangesEvent, changesEvent, isFinal, type RequestEvent, requestEvent } from './events.ts'
export * from './feeds.ts'
export * from './grants.ts'
export * from './groups.ts'
export * from './lanes.ts'
export * from './me.ts'
export { openApi } from './openapi.ts'
export {
  type Answer,
  API_PREFIX,
  CHANGES_PATH,
  EVENTS_PATH,
  type Operation,
  type OperationId,
  type Operations,
  operationIds,
  operations,
  type Received,
} from './operations.ts'
export * from './problem.ts'
export * from './promotions.ts'
export * from './purges.ts'
export * from './recalls.ts'
export * from './referrers.ts'
export * from './remotes.ts'
export * from './repositories.ts'
export * from './requests.ts'
export * from './storage.ts'
export * from './tags.ts'
export * from './tokens.ts'
export * from './users.ts'
export * from './verify.ts'
