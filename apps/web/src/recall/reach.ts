import type { Lane, Recall } from '@sluice/contract'

/** Feeds that lanes lead to from one, near ones first: a recall holds there too. */
export function feedsAfter(lanes: readonly Pick<Lane, 'from' | 'to'>[], feed: string): string[] {
  const after: string[] = []
  const waiting = [feed]
  for (let at = waiting.shift(); at !== undefined; at = waiting.shift()) {
    for (const { from, to } of lanes) {
      if (from !== at || to === feed || after.includes(to)) continue
      after.push(to)
      waiting.push(to)
    }
  }
  return after
}

/** Recalls that stand, by the place that they reach: `feed/repository@digest`. */
export type Standing = ReadonlyMap<string, Recall>

export const placeOf = (feed: string, repository: string, digest: string) => `${feed}/${repository}@${digest}`

/** The newest first, as they are listed; the oldest that reaches a place is told. */
export function standingIn(recalls: readonly Recall[]): Standing {
  const standing = new Map<string, Recall>()
  for (const recall of recalls) {
    if (recall.lifted !== null) continue
    for (const { feed, repository, digest } of recall.places)
      standing.set(placeOf(feed, repository, digest), recall)
  }
  return standing
}
