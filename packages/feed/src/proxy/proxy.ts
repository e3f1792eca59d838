import type { RegistryError } from '@sluice/oci'
import { FeedError } from '../errors.ts'
import type { Limits } from '../exchange.ts'
import type { BlobStorage, Feed, FeedIndex, RepositoryAddress, Upstreams } from '../ports.ts'
import { Contacts } from './contacts.ts'
import { Fetches } from './fetches.ts'
import { upstreamOf } from './place.ts'
import { Shared } from './shared.ts'
import { TagLists } from './tag-lists.ts'

/** What the handlers of proxy feeds share, for the life of the process. */
export interface Proxy {
  readonly index: FeedIndex
  readonly limits: Limits
  readonly upstreams: Upstreams
  readonly contacts: Contacts
  readonly tags: Shared<Outcome<string | null>>
  readonly manifests: Shared<boolean>
  readonly fetches: Fetches
  readonly tagLists: TagLists
}

interface ProxyOptions {
  readonly index: FeedIndex
  readonly storage: BlobStorage
  readonly limits: Limits
  readonly upstreams: Upstreams
  readonly failed: (error: unknown, address: RepositoryAddress) => void
}

export function createProxy({ index, storage, limits, upstreams, failed }: ProxyOptions): Proxy {
  const contacts = new Contacts((feed, failure) => upstreams.noteContact(feed, failure))
  const fetches = new Fetches({ index, storage, limits, upstreams, contacts, failed })
  return {
    index,
    limits,
    upstreams,
    contacts,
    fetches,
    tags: new Shared(),
    manifests: new Shared(),
    tagLists: new TagLists(),
  }
}

/** Nobody pushes to a proxy. What it keeps may be let go of: it comes again when somebody asks for it. */
export function pushUpstream(feed: Feed, repository: string): FeedError {
  const place = `${upstreamOf(feed)}/${repository}`
  return new FeedError(
    'UNSUPPORTED',
    `the feed "${feed.name}" is a proxy, and holds what its upstream serves: push to ${place} instead`,
    { status: 405, headers: { Allow: 'GET, HEAD, DELETE' }, detail: { feed: feed.name, place } },
  )
}

export type Outcome<T> =
  | { readonly from: 'upstream'; readonly value: T }
  | { readonly from: 'cache'; readonly error: RegistryError }
