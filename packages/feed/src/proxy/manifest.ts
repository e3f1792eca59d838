import { isDigest, RegistryError } from '@sluice/oci'
import type { RepositoryAddress } from '../ports.ts'
import { warningOf } from './contacts.ts'
import { asAnswer, isDecision } from './failure.ts'
import { placeKey, upstreamOf } from './place.ts'
import type { Outcome, Proxy } from './proxy.ts'

/** What to read from the index now, and what to say with it. */
export interface Ensured {
  /** A digest; a tag where only the cache can be asked. */
  readonly reference: string
  readonly headers: { readonly Warning?: string }
  /** The answer where the index has nothing after all: the upstream could not be asked. */
  readonly otherwise: unknown
}

/**
 * Sees to it that the index has what a tag names upstream now; null: nothing. A tag is asked about with every pull (by
 * HEAD, which Docker Hub does not count), by all who pull it at this moment together. Where the upstream cannot be asked,
 * the tag is what it was; where it refuses or has no such tag, it is not served from the cache either.
 * @throws FeedError DENIED …, UpstreamError
 */
export async function ensureTag(
  proxy: Proxy,
  address: RepositoryAddress,
  tag: string,
): Promise<Ensured | null> {
  const outcome = await proxy.tags.once(placeKey(address, tag), () => look(proxy, address, tag))
  if (outcome.from === 'cache') {
    const { error } = outcome
    const upstream = upstreamOf(address.feed)
    return {
      reference: tag,
      headers: warningOf(proxy.contacts.away(address.feed, error), upstream),
      otherwise: asAnswer(error, upstream),
    }
  }
  return outcome.value === null ? null : { reference: outcome.value, headers: {}, otherwise: null }
}

/** The digest that a tag is on upstream, kept here by now; null: there is no such tag. */
async function look(proxy: Proxy, address: RepositoryAddress, tag: string): Promise<Outcome<string | null>> {
  const { index, contacts } = proxy
  const { feed } = address
  const paused = contacts.paused(feed)
  // What is not kept is asked for all the same: there is nothing to lose.
  if (paused !== null && (await isKept(proxy, address, tag))) return { from: 'cache', error: paused }
  const signal = AbortSignal.timeout(proxy.limits.upstreamMs)
  try {
    const value = await contacts.ask(feed, async () => {
      const { repository } = await proxy.upstreams.open(address)
      const now = await repository.resolve(tag, signal)
      if (now === null) return null
      if (await index.keepTag(address, tag, now.digest)) return now.digest
      // The index has nothing of it, and says what became of it to whom it may.
      if (await index.wasPurged(now.digest)) return now.digest
      const manifest = await repository.getManifest(now.digest, signal)
      if (manifest === null) return null
      await index.keepManifest(address, { digest: now.digest, manifest, tag })
      return now.digest
    })
    if (value === null) await index.forgetTag(address, tag)
    return { from: 'upstream', value }
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error
    if (isDecision(error)) throw asAnswer(error, upstreamOf(feed))
    return { from: 'cache', error }
  }
}

/** Also where the index withholds it, which says that it is there. */
async function isKept({ index }: Proxy, address: RepositoryAddress, tag: string): Promise<boolean> {
  return (await index.describeManifest(address, tag).catch(() => ({}))) !== null
}

/**
 * Fetches a manifest by its digest and keeps it; false when the upstream has none, or when it was purged.
 * @throws FeedError DENIED …, UpstreamError
 */
export function ensureManifest(proxy: Proxy, address: RepositoryAddress, digest: string): Promise<boolean> {
  if (!isDigest(digest)) return Promise.resolve(false)
  return proxy.manifests.once(placeKey(address, digest), async () => {
    if (await proxy.index.wasPurged(digest)) return false
    const signal = AbortSignal.timeout(proxy.limits.upstreamMs)
    try {
      return await proxy.contacts.ask(address.feed, async () => {
        const { repository } = await proxy.upstreams.open(address)
        const manifest = await repository.getManifest(digest, signal)
        if (manifest === null) return false
        return proxy.index.keepManifest(address, { digest, manifest, tag: null })
      })
    } catch (error) {
      throw asAnswer(error, upstreamOf(address.feed))
    }
  })
}
