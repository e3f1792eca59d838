import type { ExecutedPromotion, RemoteView, RequestView } from '@sluice/store'

type Place = {
  readonly feed: string
  /** Of a remote feed, where its images are; null: here. */
  readonly address: string | null
  readonly repository: string
}

/** Where the images of a remote feed are, as `HOST[:PORT][/PREFIX]`. */
export function addressOf({ url, prefix }: Pick<RemoteView, 'url' | 'prefix'>): string {
  return `${new URL(url).host}${prefix && `/${prefix}`}`
}

/** What a person types to get an image, at the address by which this service was reached; by tag or by digest. */
export function pullCommand(origin: string, { feed, address, repository }: Place, reference: string): string {
  const joint = reference.includes(':') ? '@' : ':'
  const at = address ?? `${new URL(origin).host}/${feed}`
  return `docker pull ${at}/${repository}${joint}${reference}`
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
  const targets = executed.targets.map(({ address, ...target }) => ({
    ...target,
    pullCommand:
      executed.state === 'SUCCEEDED' ? pullCommand(origin, { ...target, address }, target.digest) : null,
  }))
  return { ...executed, targets }
}
