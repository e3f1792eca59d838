export { requireCondition } from './condition.ts'
export {
  type DistributionCode,
  FeedError,
  type FeedErrorCode,
  overQuota,
  STATUS,
  type StorageCode,
} from './errors.ts'
export { DEFAULT_LIMITS, type FeedEvents, type Limits } from './exchange.ts'
export { tagListing } from './paging.ts'
export type * from './ports.ts'
export { createFeedServer, type FeedServer, type FeedServerOptions } from './server.ts'
