import type { Transaction } from '../transaction.ts'

/** A job for the queue: ids only, what to do is read from Postgres when it runs. */
export interface Handed {
  readonly promotionId: string
  readonly attempt: number
  readonly delayMs: number
}

/**
 * Hands QUEUED promotions to the queue: new ones, and those that were handed over and should have
 * begun ten seconds ago (the queue may have lost them; adding twice is harmless). Relays side by side
 * take different rows. When `add` throws, nothing is marked and all are handed over again.
 */
export async function handOver(
  tx: Transaction,
  limit: number,
  add: (job: Handed) => Promise<void>,
): Promise<number> {
  const jobs = await tx.$queryRaw<{ id: string; attempt: number; delay: number }[]>`
    select id, attempt, greatest(0, ceil(extract(epoch from not_before - now()) * 1000))::float8 as delay
    from promotion
    where state = 'QUEUED' and (enqueued_at is null or greatest(enqueued_at, not_before) < now() - interval '10 seconds')
    order by not_before, id limit ${limit} for update skip locked`
  for (const { id, attempt, delay } of jobs) await add({ promotionId: id, attempt, delayMs: delay })
  await tx.$executeRaw`
    update promotion set enqueued_at = now() where id = any (${jobs.map(({ id }) => id)}::uuid[])`
  return jobs.length
}
