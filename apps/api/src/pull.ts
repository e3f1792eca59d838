import type { ExecutedPromotion, RequestView } from '@sluice/store'

type Place = { readonly feed: string; readonly repository: string }

/** What a person types to get an image, at the address by which this service was reached; by tag or by digest. */
export function pullCommand(origin: string, { feed, repository }: Place, reference: string): string {
  const joint = reference.includes(':') ? '@' : ':'
  return `docker pull ${new URL(origin).host}/${feed}/${repository}${joint}${reference}`
}

/** A request with the commands that get what it promoted; a single item's stands at the top too. */
export function requestAt(origin: string, request: RequestView) {
  const done = request.promotion?.state === 'SUCCEEDED'
  const items = request.items.map((item) => ({
    ...item,
    pullCommand: done ? pullCommand(origin, item.target, item.digest) : null,
  }))
  return { ...request, ...(items.length === 1 && items[0]), items }
}

/** The same for a line of the executed history. */
export function executedAt(origin: string, executed: ExecutedPromotion) {
  const targets = executed.targets.map((target) => ({
    ...target,
    pullCommand: executed.state === 'SUCCEEDED' ? pullCommand(origin, target, target.digest) : null,
  }))
  return { ...executed, targets }
}
