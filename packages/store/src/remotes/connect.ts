import { type ClientLimits, openRegistry, type Registry, type Repository } from '@sluice/oci'
import type { RemoteAccess } from './settings.ts'

/** Of what somebody waits for at a screen; copies have more patience. */
const LIMITS: Partial<ClientLimits> = {
  headMs: 10_000,
  stallMs: 10_000,
  attempts: 2,
  firstBackoffMs: 200,
  longestBackoffMs: 1_000,
  longestRetryAfterMs: 2_000,
}

/** A remote or proxy feed whose registry can be asked. */
export interface Connected {
  readonly access: RemoteAccess
  readonly registry: Registry
  /** A repository of the feed, under the name that it has there. @throws OciError NAME_INVALID */
  readonly repository: (name: string) => Repository
}

/** One registry a feed, kept as long as its settings stay: connections and tokens are in it. */
export function connections(get: (feedId: string) => Promise<RemoteAccess | null>) {
  const open = new Map<string, Connected>()
  return {
    /**
     * Sends nothing yet; null: its registry is not elsewhere.
     * @throws StoreError secret_unusable; RegistryError settings_invalid, address_refused, plain_http_refused
     */
    async connect(feedId: string): Promise<Connected | null> {
      const access = await get(feedId)
      if (access === null) return null
      const known = open.get(feedId)
      if (known?.access.changedAt.getTime() === access.changedAt.getTime()) return known
      const connected = connectTo(access)
      known?.registry.close()
      open.set(feedId, connected)
      return connected
    },
    close(): void {
      for (const { registry } of open.values()) registry.close()
      open.clear()
    },
  }
}

export function connectTo(access: RemoteAccess): Connected {
  const registry = openRegistry({ ...access.options, limits: LIMITS })
  return { access, registry, repository: (name) => registry.repository(nameThere(access, name)) }
}

/** What a repository of the feed is called in its registry. */
export function nameThere({ prefix }: Pick<RemoteAccess, 'prefix'>, repository: string): string {
  return prefix === '' ? repository : `${prefix}/${repository}`
}
