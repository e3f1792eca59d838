import { FeedError, quote } from './errors.ts'
import type { Exchange, FeedParts } from './exchange.ts'
import { nextLink, readPage } from './paging.ts'
import { listUpstreamTags } from './proxy/lists.ts'
import { sendJsonText } from './reply.ts'

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
  const { json, last, more } = listing
  const link = more && last !== null ? nextLink(`/v2/${name}/tags/list`, { n: String(page.limit), last }) : {}
  sendJsonText(res, `{"name":${JSON.stringify(name)},"tags":${json}}`, { ...link, ...headers })
}
