import { type Connections, transaction } from '../transaction.ts'
import { expireRequest } from './end.ts'
import { AUTOMATIC_TRIES, tryAgain } from './finish.ts'
import { lockPromotion, lockRequest } from './rows.ts'

export interface Swept {
  readonly expired: number
  readonly reclaimed: number
}

/** How many rows one sweep takes of each kind; the next one takes the rest. */
const BATCH = 200

/**
 * Ends requests that are past their time and takes promotions back from workers whose lease ran out.
 * Each row is a transaction of its own; sweeps side by side do no harm.
 */
export async function sweep({ prisma }: Connections, { now }: { now: Date }): Promise<Swept> {
  // Of APPROVED requests only those whose promotion waits: the others are done, or a person's to retry.
  const overdue = await prisma.$queryRaw<{ id: string }[]>`
    select id from request where state = 'PENDING' and expires_at <= ${now}
    union all
    select r.id from promotion p join request r on r.id = p.request_id
    where p.state = 'QUEUED' and p.intended_at is null and r.state = 'APPROVED' and r.expires_at <= ${now}
    limit ${BATCH}`
  const lapsed = await prisma.$queryRaw<{ requestId: string }[]>`
    select request_id as "requestId" from promotion where state = 'RUNNING' and lease_until <= ${now} limit ${BATCH}`
  let expired = 0
  for (const { id } of overdue) if (await expire({ prisma }, id, now)) expired++
  let reclaimed = 0
  for (const { requestId } of lapsed) if (await reclaim({ prisma }, requestId, now)) reclaimed++
  await clearStaged({ prisma })
  return { expired, reclaimed }
}

type Prisma = Pick<Connections, 'prisma'>

function expire({ prisma }: Prisma, id: string, now: Date): Promise<boolean> {
  return transaction(prisma, async (tx) => {
    const request = await lockRequest(tx, id)
    const promotion = await lockPromotion(tx, id)
    const waits =
      request.state === 'PENDING' ||
      (request.state === 'APPROVED' && promotion?.state === 'QUEUED' && !promotion.intended)
    if (!waits || request.expiresAt > now) return false
    await expireRequest(tx, request, promotion)
    return true
  })
}

function reclaim({ prisma }: Prisma, requestId: string, now: Date): Promise<boolean> {
  return transaction(prisma, async (tx) => {
    const request = await lockRequest(tx, requestId)
    const [promotion] = await tx.$queryRaw<{ id: string; attempt: number; tries: number }[]>`
      select id, attempt, tries from promotion
      where request_id = ${requestId}::uuid and state = 'RUNNING' and lease_until <= ${now} for update`
    if (promotion === undefined) return false
    const ending = { code: 'worker_lost', message: 'the worker stopped renewing its lease' }
    await tryAgain(tx, request, promotion, ending, AUTOMATIC_TRIES)
    return true
  })
}

/** What a cancelled promotion had staged: the api, which cancels, has no right to it. */
async function clearStaged({ prisma }: Prisma): Promise<void> {
  await prisma.$executeRaw`
    delete from staged_member s using promotion p where p.id = s.promotion_id and p.state in ('CANCELLED', 'FAILED')`
}
