import type { Transaction } from '../transaction.ts'
import { principalNames } from './names.ts'

/** Who let a digest in: the promotion behind a membership. */
export interface AdmissionView {
  readonly id: string
  readonly feed: string
  readonly repository: string
  /** What was approved: the digest itself, or the image that it is part of. */
  readonly digest: string
  readonly promotionId: string
  readonly requestId: string
  /** Let in by a record of breaking the glass, without a quorum. */
  readonly breakGlass: boolean
  readonly requester: string
  readonly approvers: readonly string[]
  readonly at: string
}

interface Row {
  readonly id: string
  readonly feed: string
  readonly repository: string
  readonly digest: string
  readonly promotionId: string
  readonly requestId: string
  readonly breakGlass: boolean
  readonly requesterId: string
  readonly approverIds: readonly string[]
  readonly at: Date
}

export async function readAdmissions(
  tx: Transaction,
  ids: readonly string[],
): Promise<ReadonlyMap<string, AdmissionView>> {
  const rows = await tx.$queryRaw<Row[]>`
    select a.id, n.name as feed, r.name as repository, a.digest, a.promotion_id as "promotionId",
      q.id as "requestId", a.break_glass_id is not null as "breakGlass", q.requester_id as "requesterId", a.at,
      array(select x.person_id from approval x where x.request_id = q.id and x.decision = 'approve'
        and x.revoked_at is null order by x.at, x.id) as "approverIds"
    from admission a join repository r on r.id = a.repository_id
      join promotion p on p.id = a.promotion_id join request q on q.id = p.request_id
      left join feed_name n on n.feed_id = a.feed_id and n.is_current
    where a.id = any (${[...ids]}::uuid[])`
  const names = await principalNames(
    tx,
    rows.flatMap(({ requesterId, approverIds }) => [requesterId, ...approverIds]),
  )
  return new Map(
    rows.map(({ requesterId, approverIds, at, ...row }) => [
      row.id,
      {
        ...row,
        requester: names.get(requesterId) ?? requesterId,
        approvers: approverIds.map((id) => names.get(id) ?? id),
        at: at.toISOString(),
      },
    ]),
  )
}
