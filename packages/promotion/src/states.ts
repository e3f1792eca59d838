/** A request: asked, decided, or ended without a decision. */
export type RequestState = 'PENDING' | 'APPROVED' | 'REJECTED' | 'CANCELLED' | 'EXPIRED' | 'INVALIDATED'

/**
 * What a request asks for. `rollback`: tags of the target feed move back to what was let into it before;
 * `restore`: a recall there is undone. Both take from the target feed itself. `break-glass`: a promotion without
 * a quorum, on record.
 */
export type RequestKind = 'promote' | 'rollback' | 'restore' | 'break-glass'

/** Does it take from the feed that its lane leads to? */
export function leadsBack(kind: RequestKind): kind is 'rollback' | 'restore' {
  return kind === 'rollback' || kind === 'restore'
}

/**
 * A promotion: one execution of an approved request. FAILED: a rule refused, a new request is needed;
 * ERRORED: machinery broke after its automatic retries, a person may retry.
 */
export type PromotionState = 'QUEUED' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'ERRORED' | 'CANCELLED'

/** Where each state may go. Postgres holds the same in `guard_request`. */
export const REQUEST_TRANSITIONS: Readonly<Record<RequestState, readonly RequestState[]>> = {
  PENDING: ['APPROVED', 'REJECTED', 'CANCELLED', 'EXPIRED', 'INVALIDATED'],
  // Back to PENDING: an approval was revoked before the commit.
  APPROVED: ['PENDING', 'CANCELLED', 'EXPIRED', 'INVALIDATED'],
  REJECTED: [],
  CANCELLED: [],
  EXPIRED: [],
  INVALIDATED: [],
}

/** Where each state may go. Postgres holds the same in `guard_promotion`. */
export const PROMOTION_TRANSITIONS: Readonly<Record<PromotionState, readonly PromotionState[]>> = {
  QUEUED: ['RUNNING', 'FAILED', 'CANCELLED'],
  RUNNING: ['QUEUED', 'SUCCEEDED', 'FAILED', 'ERRORED', 'CANCELLED'],
  SUCCEEDED: [],
  FAILED: [],
  ERRORED: ['QUEUED', 'CANCELLED'],
  CANCELLED: [],
}
