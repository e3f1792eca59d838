import { type Feed, FeedError, type RepositoryAddress, type Upstreams } from '@sluice/feed'
import { type Bandwidth, createBandwidth, LEAST_BANDWIDTH, RegistryError } from '@sluice/oci'
import { asStoreError, StoreError } from '../errors.ts'
import type { Remotes } from '../remotes/index.ts'
import type { Connections } from '../transaction.ts'
import { contacts } from './contacts.ts'
import { uses } from './uses.ts'

export interface Proxies extends Upstreams {
  /** Writes down what was noted and is not written yet. */
  settle(): Promise<void>
}

/** @param failed what could not be written down; nobody waits for it */
export function proxies(
  { pool }: Connections,
  remotes: Pick<Remotes, 'connect'>,
  failed: (error: unknown) => void,
): Proxies {
  const used = uses(pool, failed)
  const contacted = contacts(pool, failed)
  const limits = new Map<string, { readonly changedAt: number; readonly bandwidth: Bandwidth }>()

  function limitOf(feedId: string, perSecond: number | null, changedAt: number): Bandwidth | undefined {
    if (perSecond === null) return undefined
    const known = limits.get(feedId)
    if (known?.changedAt === changedAt) return known.bandwidth
    const bandwidth = createBandwidth(Math.max(perSecond, LEAST_BANDWIDTH))
    limits.set(feedId, { changedAt, bandwidth })
    return bandwidth
  }

  return {
    async open({ feed, repository }: RepositoryAddress) {
      const connected = await remotes.connect(feed.id).catch(asUnusable)
      if (connected === null) {
        throw new FeedError('NAME_UNKNOWN', `the feed ${feed.name} has no upstream any more; it was deleted`)
      }
      const { bandwidth, changedAt } = connected.access
      return {
        repository: connected.repository(repository),
        bandwidth: limitOf(feed.id, bandwidth, changedAt.getTime()),
      }
    },
    noteUse: used.note,
    noteContact: (feed: Feed, failure: string | null) => contacted.note(feed.id, failure),
    settle: used.settle,
  }
}

/** Credentials that cannot be opened are settings that cannot be used. */
function asUnusable(thrown: unknown): never {
  const error = asStoreError(thrown)
  if (error instanceof StoreError && error.code === 'secret_unusable') {
    throw new RegistryError('settings_invalid', error.message, { cause: error })
  }
  throw thrown
}
