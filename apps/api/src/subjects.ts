import { StoreError, type Store } from '@sluice/store'

export type FeedView = Awaited<ReturnType<Store['feeds']['get']>>
export type LaneView = Awaited<ReturnType<Store['lanes']['get']>>
export type { RequestView } from '@sluice/store'

/** A feed by its current or a former name; null when there is none. */
export function feedNamed(store: Store, name: string): Promise<FeedView | null> {
  return orNull(store.feeds.get(name))
}

export function laneNamed(store: Store, name: string): Promise<LaneView | null> {
  return orNull(store.lanes.get(name))
}

async function orNull<T>(found: Promise<T>): Promise<T | null> {
  try {
    return await found
  } catch (error) {
    if (error instanceof StoreError && error.code === 'not_found') return null
    throw error
  }
}
