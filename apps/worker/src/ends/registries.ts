import {
  type Bandwidth,
  type ClientLimits,
  createBandwidth,
  LEAST_BANDWIDTH,
  openRegistry,
  type Registry,
  type Repository,
  type RequestBudget,
} from '@sluice/oci'
import type { RunEnd, Store } from '@sluice/store'
import { WorkerError } from '../errors.ts'

/** The registries of remote feeds, opened once and kept: connections, tokens and where blobs are known to be. */
export interface Registries {
  /**
   * The repository behind one end of a promotion, with the feed's limit of bytes per second.
   * @throws WorkerError feed_gone; RegistryError settings_invalid …; StoreError secret_unusable
   */
  open(end: RunEnd, access: 'pull' | 'pull,push'): Promise<{ repository: Repository; bandwidth?: Bandwidth }>
  close(): void
}

interface Kept {
  readonly changedAt: number
  readonly registry: Registry
  readonly bandwidth: Bandwidth | undefined
}

/** @param how shared by all of them: the leave to send, and how long each is waited for */
export function openRegistries(
  remotes: Pick<Store['remotes'], 'get'>,
  how: { readonly budget: RequestBudget; readonly limits: Partial<ClientLimits> },
): Registries {
  const kept = new Map<string, Kept>()
  // Those of earlier settings, which a promotion may still use.
  const former: Registry[] = []
  return {
    async open({ feedId, feed, repository }, access) {
      const found = await remotes.get(feedId)
      if (found === null)
        throw new WorkerError('feed_gone', `the feed ${feed} no longer has a registry; it was deleted`)
      const changedAt = found.changedAt.getTime()
      let now = kept.get(feedId)
      if (now?.changedAt !== changedAt) {
        if (now !== undefined) former.push(now.registry)
        // Older settings may say less than what can be kept to.
        const bandwidth =
          found.bandwidth === null ? undefined : createBandwidth(Math.max(found.bandwidth, LEAST_BANDWIDTH))
        now = { changedAt, registry: openRegistry({ ...found.options, ...how }), bandwidth }
        kept.set(feedId, now)
      }
      const name = found.prefix === '' ? repository : `${found.prefix}/${repository}`
      return {
        repository: now.registry.repository(name, access),
        ...(now.bandwidth && { bandwidth: now.bandwidth }),
      }
    },
    close() {
      for (const registry of [...former, ...[...kept.values()].map((one) => one.registry)]) registry.close()
    },
  }
}
