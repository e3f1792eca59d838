import { StoreError } from '../errors.ts'
import type { Transaction } from '../transaction.ts'
import type { Run, RunMember } from './begin.ts'

/** What a request froze, by the item's position. */
export async function readClosures(tx: Transaction, requestId: string): Promise<Map<number, RunMember[]>> {
  const rows = await tx.$queryRaw<(Omit<RunMember, 'size'> & { position: number; size: bigint })[]>`
    select position, digest, kind, media_type as "mediaType", size from closure_member
    where request_id = ${requestId}::uuid order by position, digest collate "C"`
  const closures = new Map<number, RunMember[]>()
  for (const { position, size, ...member } of rows) {
    const members = closures.get(position) ?? []
    members.push({ ...member, size: Number(size) })
    closures.set(position, members)
  }
  return closures
}

/** The finished steps of a promotion, in the order they finished. */
export async function readSteps(tx: Transaction, promotionId: string): Promise<Run['steps']> {
  return tx.$queryRaw<{ name: string; result: unknown }[]>`
    select name, result from promotion_step
    where promotion_id = ${promotionId}::uuid and finished_at is not null order by finished_at`
}

/** What the last verification did not find, by `startOver`. */
export async function readLost(tx: Transaction, promotionId: string): Promise<Run['lost']> {
  const rows = await tx.$queryRaw<{ lost: unknown }[]>`
    select result -> 'lost' as lost from promotion_step
    where promotion_id = ${promotionId}::uuid and name = 'verify' and finished_at is null`
  const lost = rows[0]?.lost
  if (lost === 'all') return lost
  return Array.isArray(lost) ? lost.filter((one): one is string => typeof one === 'string') : []
}

/**
 * Locks the promotion of a run until the transaction ends, if it still is this worker's.
 * @throws StoreError fenced
 */
export async function holdRun(tx: Transaction, run: Run): Promise<{ tries: number }> {
  const [row] = await tx.$queryRaw<{ tries: number }[]>`
    select tries from promotion
    where id = ${run.promotionId}::uuid and state = 'RUNNING' and attempt = ${run.attempt} and locked_by = ${run.worker}
    for update`
  if (row !== undefined) return row
  throw new StoreError(
    'fenced',
    `promotion ${run.promotionId} attempt ${run.attempt} is no longer run by ${run.worker}; stop`,
  )
}
