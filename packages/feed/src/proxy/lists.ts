import { type Descriptor, RegistryError } from '@sluice/oci'
import { FeedError } from '../errors.ts'
import { tagListing } from '../paging.ts'
import type { Page, ReferrerFilter, Referrers, RepositoryAddress, TagListing } from '../ports.ts'
import { warningOf } from './contacts.ts'
import { asAnswer, isDecision } from './failure.ts'
import { placeKey, upstreamOf } from './place.ts'
import type { Proxy } from './proxy.ts'

/** A list, and what to say with it where it is what the cache has. */
export interface Listed<T> {
  readonly list: T
  readonly headers: { readonly Warning?: string }
}

/** The tags that the upstream has now; null: it has no such repository. @throws FeedError, UpstreamError */
export function listUpstreamTags(
  proxy: Proxy,
  address: RepositoryAddress,
  page: Page,
): Promise<Listed<TagListing | null>> {
  const { limit, last } = page
  const ask = async (signal: AbortSignal): Promise<TagListing | null> => {
    const repository = async () => (await proxy.upstreams.open(address)).repository
    const names = await proxy.tagLists.read(placeKey(address, 'tags'), { last, repository }, signal)
    if (names === null) return null
    const after = last === null ? names : names.filter((name) => name > last)
    return tagListing({ names: after.slice(0, limit), more: after.length > limit })
  }
  const kept = () => proxy.index.listTags(address, page)
  return upstreamOr(proxy, address, ask, kept)
}

/** What refers to a digest upstream now, ordered by digest. @throws FeedError, UpstreamError */
export function listUpstreamReferrers(
  proxy: Proxy,
  address: RepositoryAddress,
  subject: string,
  filter: ReferrerFilter,
): Promise<Listed<Referrers>> {
  const { artifactType, limit, afterDigest } = filter
  const ask = async (signal: AbortSignal): Promise<Referrers> => {
    const { repository } = await proxy.upstreams.open(address)
    const found = new Map<string, Descriptor>()
    for (const descriptor of await repository.referrers(subject, signal)) {
      const wanted = artifactType === null || descriptor.artifactType === artifactType
      if (wanted && descriptor.digest > (afterDigest ?? '')) found.set(descriptor.digest, descriptor)
    }
    const sorted = [...found.values()].sort((a, b) => (a.digest < b.digest ? -1 : 1))
    return { descriptors: sorted.slice(0, limit), more: sorted.length > limit }
  }
  // None kept is no answer: nobody knows that there are none.
  const kept = async () => {
    const listed = await proxy.index.listReferrers(address, subject, filter)
    const holds =
      listed.descriptors.length > 0 || (await proxy.index.describeManifest(address, subject)) !== null
    return holds ? listed : null
  }
  return upstreamOr<Referrers, Referrers>(proxy, address, ask, kept)
}

async function upstreamOr<Asked, Kept extends Asked>(
  { contacts, limits }: Proxy,
  { feed }: RepositoryAddress,
  ask: (signal: AbortSignal) => Promise<Asked>,
  kept: () => Promise<Kept | null>,
): Promise<Listed<Asked>> {
  const paused = contacts.paused(feed)
  const fall = async (error: RegistryError): Promise<Listed<Kept> | null> => {
    const list = await kept()
    return list && { list, headers: warningOf(contacts.away(feed, error), upstreamOf(feed)) }
  }
  const early = paused === null ? null : await fall(paused)
  if (early !== null) return early
  try {
    return { list: await contacts.ask(feed, () => ask(AbortSignal.timeout(limits.upstreamMs))), headers: {} }
  } catch (error) {
    if (error instanceof FeedError || !(error instanceof RegistryError)) throw error
    const found = isDecision(error) ? null : await fall(error)
    if (found !== null) return found
    throw asAnswer(error, upstreamOf(feed))
  }
}
