import { appendEntry, SYSTEM } from '../audit/entry.ts'
import type { Transaction } from '../transaction.ts'
import { type LockedPromotion, type LockedRequest, subjectsOf } from './rows.ts'

/** Why a promotion ended without landing anything; the code is closed, the message a sentence. */
export interface Ending {
  readonly code: string
  readonly message: string
}

/** Ends a promotion that a rule refused, and the request with it where that is over as well. */
export async function failPromotion(
  tx: Transaction,
  request: LockedRequest,
  promotion: Pick<LockedPromotion, 'id' | 'attempt'>,
  { code, message }: Ending,
): Promise<void> {
  await endPromotion(tx, promotion.id, 'FAILED', { code, message })
  await tx.$executeRaw`delete from staged_member where promotion_id = ${promotion.id}::uuid`
  await appendEntry(tx, {
    type: 'promotion.failed',
    actor: SYSTEM,
    subjects: subjectsOf(request, promotion.id),
    payload: { attempt: promotion.attempt, code, message },
  })
  if (request.state !== 'APPROVED') return
  if (code === 'binding_mismatch') await endRequest(tx, request, 'INVALIDATED', message)
  if (code === 'request_expired') await endRequest(tx, request, 'EXPIRED', message)
}

/** A request that nobody decided or executed in time. Its queued promotion ends with it. */
export async function expireRequest(
  tx: Transaction,
  request: LockedRequest,
  promotion: LockedPromotion | null,
): Promise<void> {
  const message = `the request expired at ${request.expiresAt.toISOString()}`
  if (promotion?.state === 'QUEUED') {
    await failPromotion(tx, request, promotion, { code: 'request_expired', message })
  } else {
    await endRequest(tx, request, 'EXPIRED', message)
  }
}

async function endRequest(
  tx: Transaction,
  request: LockedRequest,
  state: 'EXPIRED' | 'INVALIDATED',
  message: string,
): Promise<void> {
  await tx.$executeRaw`update request set state = ${state}, decided_at = now() where id = ${request.id}::uuid`
  await appendEntry(tx, {
    type: state === 'EXPIRED' ? 'request.expired' : 'request.invalidated',
    actor: SYSTEM,
    subjects: subjectsOf(request, null),
    payload: { message },
  })
}

/** The one place where a promotion leaves its worker for good without `admit`. */
export async function endPromotion(
  tx: Transaction,
  id: string,
  state: 'FAILED' | 'ERRORED' | 'CANCELLED',
  ending: Ending | null,
): Promise<void> {
  await tx.$executeRaw`
    update promotion set state = ${state}, finished_at = now(), locked_by = null, lease_until = null,
      error_code = ${ending?.code ?? null}, error_message = ${ending?.message ?? null}
    where id = ${id}::uuid`
}
