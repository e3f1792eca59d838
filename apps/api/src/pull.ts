import { pullCommand } from '@sluice/contract'
import type { ExecutedPromotion, RequestView } from '@sluice/store'

type Place = {
  readonly feed: string
  /** Of a remote feed, where its images are; null: here. */
  readonly address: string | null
}

/** Where clients get the images of a feed: in its own registry, or at the address by which this service was reached. */
export function addressAt(origin: string, { feed, address }: Place): string {
  return address ?? `${new URL(origin).host}/${feed}`
}

/** A request with the commands that get what it promoted; a single item's stand at the top too. */
export function requestAt(origin: string, request: RequestView) {
  const done = request.promotion?.state === 'SUCCEEDED'
  const items = request.items.map((item) => {
    const [first] = item.target.tags
    return { ...item, ...commandsAt(origin, done, item.target, item.digest, first?.tag) }
  })
  return { ...request, ...(items.length === 1 && items[0]), items }
}

/** The same for a line of the executed history. */
export function executedAt(origin: string, executed: ExecutedPromotion) {
  const done = executed.state === 'SUCCEEDED'
  const targets = executed.targets.map(({ address, ...target }) => {
    const place = { ...target, address }
    return { ...target, ...commandsAt(origin, done, place, target.digest, target.tag) }
  })
  return { ...executed, targets }
}

function commandsAt(
  origin: string,
  done: boolean,
  place: Place & { readonly repository: string },
  digest: string,
  tag: string | undefined,
) {
  const by = (reference: string) => pullCommand(addressAt(origin, place), place.repository, reference)
  return {
    pullCommand: done ? by(digest) : null,
    tagPullCommand: done && tag !== undefined ? by(tag) : null,
  }
}
