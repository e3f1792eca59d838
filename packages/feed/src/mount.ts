import type { Exchange, FeedParts } from './exchange.ts'
import { splitName } from './path.ts'
import type { MountSource, RepositoryAddress } from './ports.ts'
import { FeedError } from './errors.ts'

/**
 * Links a blob from a repository the caller may pull from: the one named by `from`, else any.
 * False is "upload it": a source that does not exist and one that is not the caller's look alike.
 * Distribution specification, "Mounting a blob from another repository".
 */
export async function mountBlob(parts: FeedParts, exchange: Exchange, digest: string): Promise<boolean> {
  const from = exchange.query.get('from')
  const source = from === null ? await anywhere(exchange) : await named(parts, exchange, from)
  return source !== null && (await parts.index.mountBlob(exchange.address, digest, source))
}

async function anywhere({ caller }: Exchange): Promise<MountSource> {
  return { kind: 'anywhere', feedIds: await caller.readableFeedIds() }
}

async function named({ index }: FeedParts, { caller }: Exchange, from: string): Promise<MountSource | null> {
  const name = nameOrNull(from)
  const feed = name && (await index.findFeed(name.feed))
  if (name === null || feed === null) return null
  const address: RepositoryAddress = { feed, repository: name.repository }
  return (await caller.may(address, 'pull')) === 'allowed' ? { kind: 'repository', address } : null
}

function nameOrNull(text: string): ReturnType<typeof splitName> | null {
  try {
    return splitName(text)
  } catch (error) {
    if (error instanceof FeedError) return null
    throw error
  }
}
