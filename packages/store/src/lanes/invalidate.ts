import { appendEntry } from '../audit/entry.ts'
import { endPromotion } from '../promotion/end.ts'
import { lockPromotion, lockRequest, subjectsOf } from '../promotion/rows.ts'
import type { Transaction } from '../transaction.ts'

interface Ending {
  readonly laneId: string
  /** Requests of versions before this one end. */
  readonly version: number
  readonly actor: string
}

/**
 * Ends every open request that was made under an older version of the lane, and its promotion until that has
 * committed, or is about to set its tags in a registry elsewhere (invariant 5).
 */
export async function invalidateOlder(tx: Transaction, { laneId, version, actor }: Ending): Promise<void> {
  const rows = await tx.$queryRaw<{ id: string }[]>`
    select id from request where lane_id = ${laneId}::uuid and lane_version < ${version}
      and state in ('PENDING', 'APPROVED') order by id`
  for (const { id } of rows) {
    const request = await lockRequest(tx, id)
    const promotion = await lockPromotion(tx, id)
    const open = request.state === 'PENDING' || request.state === 'APPROVED'
    if (!open || promotion?.state === 'SUCCEEDED' || promotion?.state === 'FAILED' || promotion?.intended)
      continue
    if (promotion !== null && promotion.state !== 'CANCELLED') {
      await endPromotion(tx, promotion.id, 'CANCELLED', null)
      await appendEntry(tx, {
        type: 'promotion.cancelled',
        actor,
        subjects: subjectsOf(request, promotion.id),
        payload: {},
      })
    }
    await tx.$executeRaw`update request set state = 'INVALIDATED', decided_at = now() where id = ${id}::uuid`
    await appendEntry(tx, {
      type: 'request.invalidated',
      actor,
      subjects: subjectsOf(request, null),
      payload: { message: `version ${version} of the lane ended the requests of older ones` },
    })
  }
}
