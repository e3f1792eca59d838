import {
  type Decided,
  decideApproval,
  decideCancel,
  decideRetry,
  decideRevoke,
  evaluateGates,
} from '@sluice/promotion'
import { type Actor, actorOf } from '../actor.ts'
import { appendEntry } from '../audit/entry.ts'
import { StoreError } from '../errors.ts'
import { keepFound } from '../evidence/add.ts'
import { type Attached, NOTHING_ATTACHED } from '../evidence/attached.ts'
import { newId } from '../id.ts'
import type { Transaction } from '../transaction.ts'
import { endPromotion } from './end.ts'
import { gateInput, gatesAsJson, groupsOf, recordGates } from './facts.ts'
import { decided } from './refusal.ts'
import { type LockedRequest, lockPromotion, lockRequest, readItems, subjectsOf } from './rows.ts'

export interface Decision {
  readonly decision: 'approve' | 'reject'
  /** The pinned digest, of a release set its set digest. */
  readonly digest: string
  readonly comment?: string
}

/**
 * Records one person's decision. When it meets the quorum, APPROVED, the QUEUED promotion and all
 * entries are one transaction (DESIGN section 3, step 2).
 * @throws StoreError not_found, the codes of `decideApproval`, and Postgres's own refusals
 *   (approve_not_granted, person_disabled, password_known_to_requester …)
 * @param attached what hangs on the images now; kept when the decision stands
 */
export async function decide(
  tx: Transaction,
  actor: Actor,
  id: string,
  { decision, digest, comment }: Decision,
  attached: Attached = NOTHING_ATTACHED,
): Promise<void> {
  const request = await lockRequest(tx, id)
  const items = await readItems(tx, id)
  const gates = await gateInput(tx, request, attached)
  const { kind, personId } = actor
  const groups = personId === null ? [] : await groupsOf(tx, personId, request)
  const outcome = decided(() =>
    decideApproval({
      request: { ...request, pinned: pinnedOf(request, items) },
      decider: { kind, personId, groups },
      decision,
      digest,
      comment: comment ?? null,
      gates,
    }),
  )
  const digests = items.map((item) => item.digest)
  await insertApproval(
    tx,
    actor,
    request,
    outcome,
    { decision, digest, ...(comment !== undefined && { comment }) },
    digests,
  )
  await keepFound(tx, actor, attached.found)
  await recordGates(tx, id, 'approval', outcome.gates)
  if (outcome.next === 'APPROVED') await approveRequest(tx, actor, request, digests, outcome)
  if (outcome.next === 'REJECTED') {
    await tx.$executeRaw`update request set state = 'REJECTED', decided_at = now() where id = ${id}::uuid`
  }
}

function pinnedOf(request: LockedRequest, items: readonly { readonly digest: string }[]): string {
  const [only, ...others] = items
  return only !== undefined && others.length === 0 ? only.digest : request.setDigest
}

async function insertApproval(
  tx: Transaction,
  actor: Actor,
  request: LockedRequest,
  { personId, gates }: Decided,
  { decision, digest, comment }: Decision,
  digests: readonly string[],
): Promise<void> {
  const approvalId = newId()
  const entryId = await appendEntry(tx, {
    type: decision === 'approve' ? 'approval.given' : 'approval.rejected',
    actor: actorOf(actor),
    subjects: [...subjectsOf(request, null, digests), `person:${personId}`],
    payload: {
      approval: approvalId,
      boundHash: request.boundHash,
      digest,
      comment: comment ?? null,
      token: actor.tokenId,
      gates: gatesAsJson(gates),
    },
  })
  await tx.$executeRaw`
    insert into approval (id, request_id, person_id, decision, bound_hash, comment, entry_id)
    values (${approvalId}::uuid, ${request.id}::uuid, ${personId}::uuid, ${decision}, ${request.boundHash},
      ${comment ?? null}, ${entryId}::uuid)`
}

async function approveRequest(
  tx: Transaction,
  actor: Actor,
  request: LockedRequest,
  digests: readonly string[],
  { gates }: Decided,
): Promise<void> {
  const promotionId = newId()
  await appendEntry(tx, {
    type: 'request.approved',
    actor: actorOf(actor),
    subjects: subjectsOf(request, promotionId, digests),
    payload: { boundHash: request.boundHash, setDigest: request.setDigest, gates: gatesAsJson(gates) },
  })
  await tx.$executeRaw`update request set state = 'APPROVED', decided_at = now() where id = ${request.id}::uuid`
  await tx.$executeRaw`
    insert into promotion (id, request_id, state) values (${promotionId}::uuid, ${request.id}::uuid, 'QUEUED')`
}

/**
 * Withdraws the actor's own decision. Until the commit: a promotion that waits or runs is cancelled
 * first, which fences its worker, and the request is PENDING again.
 * @throws StoreError not_found, already_committing, promotion_state, request_state, robot_cannot_approve
 */
export async function revokeApproval(tx: Transaction, actor: Actor, id: string): Promise<void> {
  const request = await lockRequest(tx, id)
  const promotion = await lockPromotion(tx, id)
  if (actor.kind === 'robot' || actor.personId === null) {
    throw new StoreError('robot_cannot_approve', 'only persons decide, and revoke their decisions')
  }
  const { cancelPromotion, reopen } = decided(() => decideRevoke(request.state, promotion))
  const [approval] = await tx.$queryRaw<{ id: string }[]>`
    select id from approval
    where request_id = ${id}::uuid and person_id = ${actor.personId}::uuid and revoked_at is null`
  if (approval === undefined) throw new StoreError('not_found', 'there is no decision of yours to revoke')
  await appendEntry(tx, {
    type: 'approval.revoked',
    actor: actorOf(actor),
    subjects: [...subjectsOf(request, promotion?.id ?? null), `person:${actor.personId}`],
    payload: { approval: approval.id, reopened: reopen },
  })
  if (cancelPromotion && promotion !== null) await cancelPromotionOf(tx, actor, request, promotion.id)
  await tx.$executeRaw`update approval set revoked_at = now() where id = ${approval.id}::uuid`
  if (reopen) {
    await tx.$executeRaw`update request set state = 'PENDING', decided_at = null where id = ${id}::uuid`
  }
  await recordGates(tx, id, 'approval', evaluateGates(await gateInput(tx, request)))
}

/** Ends a request, and its promotion where that has not committed. @throws as `revokeApproval` */
export async function cancelRequest(tx: Transaction, actor: Actor, id: string): Promise<void> {
  const request = await lockRequest(tx, id)
  const promotion = await lockPromotion(tx, id)
  const { cancelPromotion } = decided(() => decideCancel(request.state, promotion))
  await appendEntry(tx, {
    type: 'request.cancelled',
    actor: actorOf(actor),
    subjects: subjectsOf(request, promotion?.id ?? null),
    payload: { from: request.state },
  })
  if (cancelPromotion && promotion !== null) await cancelPromotionOf(tx, actor, request, promotion.id)
  await tx.$executeRaw`update request set state = 'CANCELLED', decided_at = now() where id = ${id}::uuid`
}

async function cancelPromotionOf(tx: Transaction, actor: Actor, request: LockedRequest, promotionId: string) {
  await endPromotion(tx, promotionId, 'CANCELLED', null)
  await appendEntry(tx, {
    type: 'promotion.cancelled',
    actor: actorOf(actor),
    subjects: subjectsOf(request, promotionId),
    payload: {},
  })
}

/**
 * Queues an ERRORED promotion again, as a new attempt that resumes after its finished steps.
 * @throws StoreError not_found, promotion_state, request_state, request_expired
 */
export async function retryPromotion(tx: Transaction, actor: Actor, id: string): Promise<void> {
  const request = await lockRequest(tx, id)
  const promotion = await lockPromotion(tx, id)
  if (promotion === null) throw new StoreError('promotion_state', 'no promotion has run yet')
  decided(() => decideRetry(request, promotion, request.now))
  await appendEntry(tx, {
    type: 'promotion.retried',
    actor: actorOf(actor),
    subjects: subjectsOf(request, promotion.id),
    payload: { attempt: promotion.attempt + 1 },
  })
  await tx.$executeRaw`
    update promotion set state = 'QUEUED', attempt = attempt + 1, tries = 0, not_before = now(), enqueued_at = null,
      finished_at = null, error_code = null, error_message = null
    where id = ${promotion.id}::uuid`
}
