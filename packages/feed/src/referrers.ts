import { type Descriptor, OCI_INDEX, OciError, parseDigest, parseManifest } from '@sluice/oci'
import { FeedError, quote } from './errors.ts'
import type { Exchange, FeedParts } from './exchange.ts'
import { nextLink, readLast } from './paging.ts'
import type { ReferrerFilter, Referrers, RepositoryAddress } from './ports.ts'
import { listUpstreamReferrers } from './proxy/lists.ts'
import type { Proxy } from './proxy/proxy.ts'
import { sendJson } from './reply.ts'

const FALLBACK_HEX = 64
const ENVELOPE_BYTES = 128

/**
 * GET `referrers/<digest>[?artifactType=]`: 200 with an index, also for what nobody has pushed.
 * Lists what the index knows and what clients wrote under the fallback tag when their registry had
 * no referrers API. Distribution specification, "Listing Referrers", "Enabling the Referrers API".
 */
export async function listReferrers(parts: FeedParts, exchange: Exchange): Promise<void> {
  const { res, address, name, query, reference: subject } = exchange
  parseDigest(subject)
  const artifactType = readArtifactType(query)
  const afterDigest = readLast(query)
  if (afterDigest !== null) parseDigest(afterDigest)

  const filter = { artifactType, afterDigest, limit: parts.limits.referrers }
  const {
    known,
    fallback,
    headers = {},
  } = parts.proxy !== null && address.feed.upstream
    ? await upstreamReferrers(parts.proxy, address, subject, filter)
    : await ownReferrers(parts, exchange, filter)
  const last = known.more ? known.descriptors.at(-1)?.digest : undefined
  const all = new Map<string, Descriptor>()
  for (const descriptor of fallback) {
    const { digest } = descriptor
    const wanted = artifactType === null || descriptor.artifactType === artifactType
    // Beyond the last known one of this page, the next page will come to it.
    const here = (afterDigest === null || digest > afterDigest) && (last === undefined || digest <= last)
    if (wanted && here) all.set(digest, descriptor)
  }
  for (const descriptor of known.descriptors) all.set(descriptor.digest, descriptor)

  const sorted = [...all.values()].sort((a, b) => (a.digest < b.digest ? -1 : 1))
  const page = fill(sorted, filter.limit, parts.limits.manifestBytes)
  const end = page.at(-1)?.digest
  const more = (known.more || page.length < sorted.length) && end !== undefined
  const type = artifactType === null ? {} : { artifactType }
  sendJson(
    res,
    { schemaVersion: 2, mediaType: OCI_INDEX, manifests: page },
    {
      ...(artifactType !== null && { 'OCI-Filters-Applied': 'artifactType' }),
      ...(more && nextLink(`/v2/${name}/referrers/${subject}`, { ...type, last: end })),
      ...headers,
    },
    OCI_INDEX,
  )
}

interface Known {
  readonly known: Referrers
  /** What the fallback tag lists beside. */
  readonly fallback: readonly Descriptor[]
  readonly headers?: { readonly Warning?: string }
}

async function ownReferrers(parts: FeedParts, exchange: Exchange, filter: ReferrerFilter): Promise<Known> {
  const { address, reference } = exchange
  const [known, fallback] = await Promise.all([
    parts.index.listReferrers(address, reference, filter),
    fallbackReferrers(parts, exchange),
  ])
  return { known, fallback }
}

/** The client that asks has looked at the fallback tag. */
async function upstreamReferrers(
  proxy: Proxy,
  address: RepositoryAddress,
  subject: string,
  filter: ReferrerFilter,
): Promise<Known> {
  const { list, headers } = await listUpstreamReferrers(proxy, address, subject, filter)
  return { known: list, fallback: [], headers }
}

/** As many as fit a page by number and by bytes: clients limit an index as they limit a manifest. */
function fill(sorted: readonly Descriptor[], limit: number, bytes: number): Descriptor[] {
  let left = bytes - ENVELOPE_BYTES
  const page: Descriptor[] = []
  for (const descriptor of sorted.slice(0, limit)) {
    left -= Buffer.byteLength(JSON.stringify(descriptor)) + 1
    if (left < 0 && page.length > 0) break
    page.push(descriptor)
  }
  return page
}

function readArtifactType(query: URLSearchParams): string | null {
  const type = query.get('artifactType')
  if (type === null || type === '') return null
  if (type.length <= 255 && !/[^\x20-\x7e]/.test(type)) return type
  throw new FeedError('UNSUPPORTED', `artifactType=${quote(type)} is not a media type`)
}

/** What stands under `<algorithm>-<first 64 hex digits>`, when that is an index. */
async function fallbackReferrers(
  { index }: FeedParts,
  { address, reference }: Exchange,
): Promise<readonly Descriptor[]> {
  const { algorithm, hex } = parseDigest(reference)
  const stored = await index.findManifest(address, `${algorithm}-${hex.slice(0, FALLBACK_HEX)}`)
  if (stored === null || stored.mediaType !== OCI_INDEX) return []
  try {
    return parseManifest(stored.bytes, stored.mediaType).manifests
  } catch (error) {
    if (error instanceof OciError) return []
    throw error
  }
}
