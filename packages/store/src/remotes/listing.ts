import { digestOf, type Manifest, successors } from '@sluice/oci'
import { pageInVersionOrder, releasesWithin } from '@sluice/promotion'
import type pg from 'pg'
import { StoreError } from '../errors.ts'
import type { TagQuery, TagView } from '../feeds/tags.ts'
import { type Paged, paged } from '../page.ts'
import { platformsOf } from '../promotion/closure.ts'
import type { Connected } from './connect.ts'
import { asRemoteError } from './failure.ts'
import { eachOf, record } from './observe.ts'

/** Milliseconds for one page. */
const PATIENCE_MS = 30_000
/** Names that are read to put a page of them in order. */
const NAMES_LIMIT = 50_000

/**
 * The tags of a repository as its registry has them now, in version order; what is seen is recorded.
 * @throws StoreError not_found, remote_unavailable, remote_refused; PromotionError invalid (range)
 */
export async function listRemoteTags(
  pool: pg.Pool,
  { access, repository: open }: Connected,
  repository: string,
  { limit, after, range, find, order }: TagQuery,
): Promise<Paged<TagView>> {
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const found = new Map<string, Manifest>()
  let page: Paged<string>
  try {
    const at = open(repository)
    const stored: string[] = []
    for await (const names of at.listTags(signal)) {
      stored.push(...names)
      if (stored.length > NAMES_LIMIT) {
        const message = `${repository} has more than ${NAMES_LIMIT} tags in its registry, which are too many to list`
        throw new StoreError('remote_refused', message)
      }
    }
    if (stored.length === 0) {
      throw new StoreError(
        'not_found',
        `there is no repository ${JSON.stringify(repository)} in the registry of this feed`,
      )
    }
    const all = range === undefined ? stored : releasesWithin(range, stored)
    // What a digest is on, only a registry that keeps it knows: here a part of the tag is looked for.
    const wanted = all.filter((name) => find === undefined || name.includes(find))
    const names = pageInVersionOrder(wanted, {
      after: after || null,
      order: order ?? 'asc',
      most: limit + 1,
    })
    page = paged(names, limit, (name) => name)
    await eachOf(page.items, async (tag) => {
      const manifest = await at.getManifest(tag, signal)
      if (manifest !== null) found.set(tag, manifest)
    })
    const seen = new Map([...found].map(([tag, { bytes }]) => [tag, digestOf(bytes)]))
    await record(pool, { feedId: access.feedId, repository }, seen, new Map())
  } catch (error) {
    throw asRemoteError(error, access.feed)
  }
  const { rows } = await pool.query<Known>(KNOWN, [access.feedId, repository, [...found.keys()]])
  const known = new Map(rows.map((row) => [row.tag, row]))
  const items = page.items.flatMap((tag): TagView[] => {
    const manifest = found.get(tag)
    const row = known.get(tag)
    if (manifest === undefined || row === undefined) return []
    return [
      {
        tag,
        digest: row.digest,
        mediaType: manifest.mediaType,
        size: sizeOf(manifest),
        platforms: platformsOf(manifest),
        pushedAt: row.movedAt,
        pushedBy: null,
        promotionId: row.promotionId,
        virtual: false,
        release: null,
      },
    ]
  })
  return { items, next: page.next }
}

interface Known {
  readonly tag: string
  readonly digest: string
  readonly movedAt: Date
  readonly promotionId: string | null
}

const KNOWN = `
  select o.name as tag, o.digest, o.moved_at as "movedAt",
    (select case when m.to_digest = o.digest then m.promotion_id end from tag_move m
     where m.repository_id = o.repository_id and m.tag = o.name order by m.id desc limit 1) as "promotionId"
  from repository r join remote_tag o on o.repository_id = r.id
  where r.feed_id = $1 and r.name = $2 and o.name = any ($3)`

/** Of an image, all that a client needs; the parts of an index were not looked at. */
function sizeOf(manifest: Manifest): number | null {
  if (manifest.kind === 'index') return null
  const parts = successors(manifest).filter(({ kind }) => kind !== 'subject')
  const sizes = new Map(parts.map(({ descriptor }) => [descriptor.digest, descriptor.size]))
  return [...sizes.values()].reduce((sum, size) => sum + size, manifest.size)
}
