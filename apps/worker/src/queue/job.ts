/** Names the execution to begin; everything else is read from Postgres when it begins. */
export interface PromotionJob {
  readonly promotionId: string
  readonly attempt: number
}

/** What comes out of the queue was not necessarily put there by us; null when it names nothing. */
export function readJob(data: unknown): PromotionJob | null {
  if (typeof data !== 'object' || data === null || !('promotionId' in data) || !('attempt' in data))
    return null
  const { promotionId, attempt } = data
  if (typeof promotionId !== 'string' || !/^[0-9a-f-]{36}$/.test(promotionId)) return null
  if (typeof attempt !== 'number' || !Number.isSafeInteger(attempt)) return null
  return { promotionId, attempt }
}
