import { type Actor, actorOf } from '../actor.ts'
import { appendEntry } from '../audit/entry.ts'
import { StoreError } from '../errors.ts'
import { NOTHING_ATTACHED } from '../evidence/attached.ts'
import { newId } from '../id.ts'
import type { Transaction } from '../transaction.ts'
import { createRequest } from './create.ts'
import type { Asked } from './prepare.ts'
import { lockRequest, readItems, subjectsOf } from './rows.ts'

/** What is asked for without a quorum; the reason is for those who review it. */
export type BreakGlass = Omit<Asked, 'kind'> & { readonly reason: string }

/**
 * Makes a request and lets it through at once: APPROVED by the record, with its QUEUED promotion, in one
 * transaction. It is bound, executed and fenced like any other, and what is recalled stays out.
 * @throws StoreError as `createRequest`; robot_cannot_approve, and Postgres's break_glass_not_granted
 */
export async function breakGlass(tx: Transaction, actor: Actor, asked: BreakGlass): Promise<string> {
  if (actor.kind === 'robot' || actor.personId === null) {
    throw new StoreError('robot_cannot_approve', 'only persons break the glass')
  }
  if (asked.reason.trim() === '') {
    throw new StoreError('invalid', 'breaking the glass needs a reason', { field: 'reason' })
  }
  const { id, created } = await createRequest(tx, actor, { ...asked, kind: 'break-glass' }, NOTHING_ATTACHED)
  if (!created) return id
  const request = await lockRequest(tx, id)
  const digests = (await readItems(tx, id)).map(({ digest }) => digest)
  const promotionId = newId()
  const entryId = await appendEntry(tx, {
    type: 'glass.broken',
    actor: actorOf(actor),
    subjects: [...subjectsOf(request, promotionId, digests), `person:${actor.personId}`],
    payload: {
      reason: asked.reason,
      boundHash: request.boundHash,
      setDigest: request.setDigest,
      token: actor.tokenId,
    },
  })
  await tx.$executeRaw`
    insert into break_glass (id, request_id, person_id, bound_hash, entry_id)
    values (${newId()}::uuid, ${id}::uuid, ${actor.personId}::uuid, ${request.boundHash}, ${entryId}::uuid)`
  await tx.$executeRaw`update request set state = 'APPROVED', decided_at = now() where id = ${id}::uuid`
  await tx.$executeRaw`
    insert into promotion (id, request_id, state) values (${promotionId}::uuid, ${id}::uuid, 'QUEUED')`
  return id
}

/**
 * Records that a person has looked at what was let in without a quorum.
 * @throws StoreError not_found, invalid, robot_cannot_approve, already_decided, and Postgres's self_approval,
 *   approve_not_granted, password_known_to_requester, person_disabled
 */
export async function reviewBreakGlass(
  tx: Transaction,
  actor: Actor,
  id: string,
  { comment }: { readonly comment: string },
): Promise<void> {
  if (actor.kind === 'robot' || actor.personId === null) {
    throw new StoreError('robot_cannot_approve', 'only persons review')
  }
  if (comment.trim() === '') throw new StoreError('invalid', 'a review says something', { field: 'comment' })
  const request = await lockRequest(tx, id)
  const [broken] = await tx.$queryRaw<{ id: string; reviewed: boolean }[]>`
    select b.id, exists (select from break_glass_review v where v.break_glass_id = b.id
      and v.person_id = ${actor.personId}::uuid) as reviewed
    from break_glass b where b.request_id = ${id}::uuid`
  if (broken === undefined) throw new StoreError('not_found', 'no glass was broken for this request')
  if (broken.reviewed) throw new StoreError('already_decided', 'this person has reviewed it')
  const entryId = await appendEntry(tx, {
    type: 'glass.reviewed',
    actor: actorOf(actor),
    subjects: [...subjectsOf(request, null), `person:${actor.personId}`],
    payload: { comment },
  })
  await tx.$executeRaw`
    insert into break_glass_review (id, break_glass_id, person_id, comment, entry_id)
    values (${newId()}::uuid, ${broken.id}::uuid, ${actor.personId}::uuid, ${comment}, ${entryId}::uuid)`
}

/** How a request got round its quorum. */
export interface BreakGlassView {
  readonly by: string
  readonly at: string
  readonly reviews: readonly { readonly person: string; readonly comment: string; readonly at: string }[]
  /** Fewer than two other persons have reviewed it. */
  readonly needsReview: boolean
}

export const REVIEWS_NEEDED = 2

export interface BreakGlassRow {
  readonly requestId: string
  readonly personId: string
  readonly at: Date
  readonly reviews: readonly { readonly personId: string; readonly comment: string; readonly at: string }[]
}

export async function readBreakGlass(tx: Transaction, ids: readonly string[]): Promise<BreakGlassRow[]> {
  return tx.$queryRaw<BreakGlassRow[]>`
    select b.request_id as "requestId", b.person_id as "personId", b.at,
      coalesce((select jsonb_agg(jsonb_build_object('personId', v.person_id, 'comment', v.comment,
          'at', to_char(v.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) order by v.at, v.id)
        from break_glass_review v where v.break_glass_id = b.id), '[]') as reviews
    from break_glass b where b.request_id = any (${[...ids]}::uuid[])`
}
