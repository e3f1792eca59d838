import type { Store } from '@sluice/store'
import type { PromotionQueue } from './queue/queue.ts'

const BATCH = 100

/**
 * Hands the QUEUED promotions that are due to the queue, those again whose job nobody began (invariant 6). Rejects,
 * with nothing marked, when the queue does not take them.
 */
export async function relay(runs: Store['runs'], queue: PromotionQueue): Promise<void> {
  let handed: number
  do {
    handed = await runs.handOver(BATCH, ({ promotionId, attempt, delayMs }) =>
      queue.add({ promotionId, attempt }, delayMs),
    )
  } while (handed === BATCH)
}
