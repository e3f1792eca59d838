import { PromotionError } from './errors.ts'
import { blockedBy, evaluateGates, reasonsOf, stuckOn } from './evaluate.ts'
import type { GateInput, GateReport } from './gates/gate.ts'
import { excludedAs } from './gates/requester.ts'
import type { PromotionState, RequestState } from './states.ts'

export interface StandingRequest {
  readonly state: RequestState
  readonly expiresAt: Date
  /** What a decision must repeat: the item's digest, of a release set its set digest. */
  readonly pinned: string
}

export interface Decider {
  readonly kind: 'person' | 'robot'
  readonly personId: string | null
  readonly groups: readonly string[]
}

export interface DecisionInput {
  readonly request: StandingRequest
  readonly decider: Decider
  readonly decision: 'approve' | 'reject'
  readonly digest: string
  readonly comment: string | null
  /** The facts before this decision. */
  readonly gates: GateInput
}

export interface Decided {
  readonly personId: string
  readonly next: Extract<RequestState, 'PENDING' | 'APPROVED' | 'REJECTED'>
  readonly gates: readonly GateReport[]
}

/**
 * Does this decision count, and what becomes of the request? One rejection ends it; it is APPROVED
 * once the quorum is met.
 * @throws PromotionError robot_cannot_approve, request_state, request_expired, digest_mismatch, invalid
 *   (a rejection without a comment), already_decided, self_approval, gate_refused
 */
export function decideApproval(input: DecisionInput): Decided {
  const { request, decider, decision, digest, comment, gates } = input
  if (decider.kind === 'robot' || decider.personId === null) {
    throw new PromotionError('robot_cannot_approve', 'only persons decide; a robot may request and watch')
  }
  const { personId, groups } = decider
  refuseUnlessOpen(request, gates.now, ['PENDING'], 'takes decisions')
  if (digest !== request.pinned) {
    throw new PromotionError(
      'digest_mismatch',
      `the request pins ${request.pinned}; decide on that digest, or ask for another request`,
      { detail: { pinned: request.pinned, given: digest } },
    )
  }
  if (decision === 'reject' && (comment === null || comment.trim() === '')) {
    const message = 'a rejection needs a comment: say what must change'
    throw new PromotionError('invalid', message, {
      issues: [{ field: 'comment', rule: 'required', message }],
    })
  }
  if (gates.approvals.some((approval) => approval.personId === personId)) {
    throw new PromotionError('already_decided', 'this person has decided; revoke that decision first')
  }
  if (decision === 'approve') {
    const excluded = excludedAs(gates, personId)
    if (excluded !== null) {
      throw new PromotionError('self_approval', `the ${excluded} of this request cannot approve it`)
    }
  }
  const reports = evaluateGates({ ...gates, approvals: [...gates.approvals, { personId, groups, decision }] })
  if (decision === 'reject') return { personId, next: 'REJECTED', gates: reports }
  const met = reports.every(({ gate, verdict }) => gate !== 'quorum' || verdict === 'pass')
  // What time alone does not open would only fail the promotion that this approval queues.
  const refused = [...blockedBy(reports), ...(met ? stuckOn(reports) : [])]
  if (refused.length > 0) {
    throw new PromotionError('gate_refused', reasonsOf(refused), { detail: { gates: refused } })
  }
  return { personId, next: met ? 'APPROVED' : 'PENDING', gates: reports }
}

/** The latest promotion of a request. */
export interface StandingPromotion {
  readonly state: PromotionState
  /** Its tags are about to be set in a registry elsewhere, or are set: nobody takes it back. */
  readonly intended: boolean
}

/** What ends with a withdrawn approval or request: nothing yet, or the promotion in this state. */
export type Withdrawn = { readonly cancelPromotion: boolean }

/**
 * May the request be cancelled? Until the commit; the promotion, if any, goes with it.
 * @throws PromotionError already_committing, promotion_state, request_state
 */
export function decideCancel(request: RequestState, promotion: StandingPromotion | null): Withdrawn {
  return withdraw(request, promotion, 'be cancelled')
}

/**
 * May an approval be revoked? Until the commit; an APPROVED request is then PENDING again.
 * @throws PromotionError already_committing, promotion_state, request_state
 */
export function decideRevoke(
  request: RequestState,
  promotion: StandingPromotion | null,
): Withdrawn & { readonly reopen: boolean } {
  return { ...withdraw(request, promotion, 'lose an approval'), reopen: request === 'APPROVED' }
}

/**
 * May the promotion run again? Only one that ERRORED, of a request that still stands.
 * @throws PromotionError promotion_state, request_state, request_expired
 */
export function decideRetry(
  request: Pick<StandingRequest, 'state' | 'expiresAt'>,
  promotion: StandingPromotion,
  now: Date,
): void {
  if (promotion.state !== 'ERRORED') {
    throw new PromotionError(
      'promotion_state',
      `only an ERRORED promotion is retried; it is ${promotion.state}`,
    )
  }
  // Its tags may be half set: that is finished, however late.
  if (promotion.intended && request.state === 'APPROVED') return
  refuseUnlessOpen(request, now, ['APPROVED'], 'is executed')
}

function withdraw(request: RequestState, promotion: StandingPromotion | null, what: string): Withdrawn {
  if (promotion?.state === 'SUCCEEDED') {
    throw new PromotionError('already_committing', `the promotion is done; the request can no longer ${what}`)
  }
  if (promotion?.state === 'FAILED') {
    throw new PromotionError('promotion_state', 'the promotion has FAILED; there is nothing left to stop')
  }
  if (promotion?.intended === true && promotion.state !== 'CANCELLED') {
    throw new PromotionError(
      'already_committing',
      `the promotion is setting its tags; the request can no longer ${what}`,
    )
  }
  if (request !== 'PENDING' && request !== 'APPROVED') {
    throw new PromotionError('request_state', `the request is ${request} and cannot ${what}`)
  }
  return { cancelPromotion: promotion !== null && promotion.state !== 'CANCELLED' }
}

function refuseUnlessOpen(
  { state, expiresAt }: Pick<StandingRequest, 'state' | 'expiresAt'>,
  now: Date,
  open: readonly RequestState[],
  what: string,
): void {
  if (state === 'EXPIRED' || (open.includes(state) && expiresAt.getTime() <= now.getTime())) {
    throw new PromotionError(
      'request_expired',
      `the request expired at ${expiresAt.toISOString()}; make a new one`,
    )
  }
  if (!open.includes(state)) {
    throw new PromotionError('request_state', `the request is ${state}; only ${open.join(', ')} ${what}`)
  }
}
