import { FeedError, quote } from './errors.ts'
import type { Exchange, FeedParts } from './exchange.ts'
import { nextLink, readPage } from './paging.ts'
import { listUpstreamTags } from './proxy/lists.ts'
import { sendJson } from './reply.ts'

/** GET `tags/list?n=&last=`: in ASCII order. Distribution specification, "Listing Tags". */
export async function listTags(
  { index, limits, proxy }: FeedParts,
  { res, address, name, query }: Exchange,
): Promise<void> {
  const page = readPage(query, limits.page)
  const { list: listing, headers } =
    proxy !== null && address.feed.upstream
      ? await listUpstreamTags(proxy, address, page)
      : { list: await index.listTags(address, page), headers: {} }
  if (listing === null) throw new FeedError('NAME_UNKNOWN', `there is no repository ${quote(name)}`)
  const last = listing.names.at(-1)
  const more = listing.more && last !== undefined
  const link = more ? nextLink(`/v2/${name}/tags/list`, { n: String(page.limit), last }) : {}
  sendJson(res, { name, tags: listing.names }, { ...link, ...headers })
}
