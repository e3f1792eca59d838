import type { Feed, Lane } from '@sluice/contract'

/** Feeds along their lanes: what leads to others first; where lanes go in circles, by name. */
export function inOrder<F extends Pick<Feed, 'name'>>(
  feeds: readonly F[],
  lanes: readonly Pick<Lane, 'from' | 'to'>[],
): F[] {
  const rest = feeds.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const ordered: F[] = []
  while (rest.length > 0) {
    const free = rest.findIndex(
      ({ name }) =>
        !lanes.some(
          ({ from, to }) => to === name && from !== name && rest.some((feed) => feed.name === from),
        ),
    )
    ordered.push(...rest.splice(Math.max(0, free), 1))
  }
  return ordered
}
