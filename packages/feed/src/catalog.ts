import type { ServerResponse } from 'node:http'
import type { FeedParts } from './exchange.ts'
import { nextLink, readPage } from './paging.ts'
import type { Caller } from './ports.ts'
import { sendJson } from './reply.ts'

/**
 * GET `/v2/_catalog?n=&last=`: the repositories of the feeds this caller may pull from, by
 * `feed/repository`. Not in the OCI specification; `podman search` and mirrors use it.
 */
export async function listCatalog(
  { index, limits }: FeedParts,
  { res, query, caller }: { res: ServerResponse; query: URLSearchParams; caller: Caller },
): Promise<void> {
  const page = readPage(query, limits.page)
  const { names, more } = await index.listRepositories(await caller.readableFeedIds(), page)
  const last = names.at(-1)
  const link = more && last !== undefined ? nextLink('/v2/_catalog', { n: String(page.limit), last }) : {}
  sendJson(res, { repositories: names }, link)
}
