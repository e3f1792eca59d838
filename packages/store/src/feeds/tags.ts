import { isRepositoryName, isTag } from '@sluice/oci'
import { pageInVersionOrder, releasesBehind, releasesWithin, resolveVirtual } from '@sluice/promotion'
import { StoreError } from '../errors.ts'
import { virtualBeside } from '../feed-index/virtual.ts'
import { afterNumber, type Page, type Paged, paged } from '../page.ts'
import type { Connections } from '../transaction.ts'
import { MOVE_COLUMNS, MOVE_NAMES, type TagMoveView } from './moves.ts'
import { restoreTag } from './restore.ts'

export interface TagView {
  readonly tag: string
  readonly digest: string
  readonly mediaType: string
  /** Bytes of everything a client needs, of all platforms; shared parts once. Null of a remote index. */
  readonly size: number | null
  /** As `linux/arm64/v8`; of an index only, since a manifest does not name its own. */
  readonly platforms: readonly string[]
  readonly pushedAt: Date
  /** Null when a promotion brought it, and of a remote tag, of which nobody here knows. */
  readonly pushedBy: string | null
  readonly promotionId: string | null
  /** Kept by the feed itself, not by anybody's push. */
  readonly virtual: boolean
  /** Of a virtual tag: the release that it stands for now. */
  readonly release: string | null
}

export interface TagQuery extends Page {
  /** Only the releases within it, as `~1.4` or `latest-stable`; virtual tags are none. */
  readonly range?: string | undefined
  /** Only those with this in their name, or on a digest that begins so. */
  readonly find?: string | undefined
  /** `desc`: the highest version first. */
  readonly order?: 'asc' | 'desc' | undefined
}

/** Tags as people look at them; `/v2` has its own reads (feed-index). */
export function feedTags(connections: Connections) {
  const { pool } = connections

  async function repositoryId(feedId: string, name: string): Promise<string> {
    const { rows } = await pool.query<{ id: string }>(
      'select id from repository where feed_id = $1 and name = $2',
      [feedId, isRepositoryName(name) ? name : ''],
    )
    if (!rows[0])
      throw new StoreError('not_found', `there is no repository ${JSON.stringify(name)} in this feed`)
    return rows[0].id
  }

  return {
    /**
     * In version order, the lowest first unless asked otherwise; where tags are versions, virtual tags among them.
     * @throws StoreError not_found, invalid (after); PromotionError invalid (range)
     */
    async tags(
      feedId: string,
      repository: string,
      { limit, after, range, find, order }: TagQuery,
    ): Promise<Paged<TagView>> {
      if (after && !isTag(after)) throw new StoreError('invalid', 'must be a tag', { field: 'after' })
      const id = await repositoryId(feedId, repository)
      const { rows } = await pool.query<{
        names: string[]
        withheld: string[]
        found: string[]
        versions: boolean
      }>(
        `select array(select name from tag where repository_id = $1) as names,
           array(select name from tag where repository_id = $1 and exists (select from recall where lifted_at is null)
             and name like '%.%.%' and recalled($2, digest)) as withheld,
           array(select name from tag where repository_id = $1 and starts_with(digest, $3)) as found,
           coalesce(tag_rules -> 'versions' = 'true', false) as versions from feed where id = $2`,
        [id, feedId, find ?? null],
      )
      const { names: stored = [], withheld = [], found = [], versions = false } = rows[0] ?? {}
      const gone = new Set(withheld)
      const offered = versions && range === undefined ? stored.filter((name) => !gone.has(name)) : []
      const virtual = virtualBeside(offered)
      const all = range === undefined ? [...stored, ...virtual.keys()] : releasesWithin(range, stored)
      const onDigest = new Set(found)
      const wanted = (name: string): boolean =>
        find === undefined || name.includes(find) || onDigest.has(virtual.get(name) ?? name)
      const names = pageInVersionOrder(all.filter(wanted), {
        after: after || null,
        order: order ?? 'asc',
        most: limit + 1,
      })
      const page = paged(names, limit, (name) => name)
      const releases = page.items.map((name) => virtual.get(name) ?? name)
      const views = await pool.query<Omit<TagView, 'size'> & { size: string }>(TAGS, [id, releases])
      const byName = new Map(views.rows.map((view) => [view.tag, view]))
      const items = page.items.flatMap((tag) => {
        const release = virtual.get(tag) ?? null
        const view = byName.get(release ?? tag)
        if (view === undefined) return []
        return { ...view, tag, size: Number(view.size), virtual: release !== null, release }
      })
      return { items, next: page.next }
    },

    /** Every move of the tag, the newest first. @throws StoreError not_found */
    async tagHistory(
      feedId: string,
      repository: string,
      tag: string,
      { limit, after }: Page,
    ): Promise<Paged<TagMoveView>> {
      const id = await repositoryId(feedId, repository)
      if (!isTag(tag)) return { items: [], next: null }
      const { rows } = await pool.query<TagMoveView & { id: string }>(
        `${MOVES} and ($3::bigint is null or m.id < $3) order by m.id desc limit $4`,
        [id, tag, afterNumber(after), limit + 1],
      )
      const page = paged(rows, limit, (row) => row.id)
      return {
        items: page.items.map(({ tag: of, from, to, at, by, promotionId, requestId, approvers }) => {
          return { tag: of, from, to, at, by, promotionId, requestId, approvers }
        }),
        next: page.next,
      }
    },

    /**
     * The digest the tag pointed at then; null: it was not there. A virtual tag is what the releases of that
     * time made it, by the rules of today. @throws StoreError not_found
     */
    async tagAt(feedId: string, repository: string, tag: string, at: Date): Promise<string | null> {
      const id = await repositoryId(feedId, repository)
      if (!isTag(tag)) return null
      const { rows } = await pool.query<{ tag: string; to: string | null }>(AT, [
        id,
        tag,
        at,
        releasesBehind(tag),
        feedId,
      ])
      const digests = new Map(rows.map((row) => [row.tag, row.to]))
      const release = resolveVirtual(tag, [...digests.keys()])
      return digests.get(tag) ?? (release === null ? null : (digests.get(release) ?? null))
    },

    /** @throws StoreError not_found, digest_unknown, trusted_feed, tag_exists, tag_not_permitted */
    restoreTag: restoreTag(connections),
  }
}

// A closure is walked once for each digest of the page; the parts of an index are distinct digests.
const TAGS = `
  with recursive page as (
    select name, digest, moved_at from tag where repository_id = $1 and name = any ($2)
  ), closure (root, digest, size, kind) as (
    select p.digest, m.digest, octet_length(m.bytes)::bigint, 'manifest'
    from (select distinct digest from page) p join manifest m on m.digest = p.digest
    union
    select c.root, e.child_digest, e.size, e.kind
    from closure c join manifest_edge e on e.parent_digest = c.digest and e.required
    where c.kind = 'manifest'
  ), sizes as (
    select root, sum(size) as size from (select distinct root, digest, size from closure) parts group by root
  )
  select p.name as tag, p.digest, rm.media_type as "mediaType", s.size, p.moved_at as "pushedAt",
    coalesce(i.subject, r.name) as "pushedBy", last.promotion_id as "promotionId",
    array(select concat_ws('/', e.platform ->> 'os', e.platform ->> 'architecture', e.platform ->> 'variant')
          from manifest_edge e
          where e.parent_digest = p.digest and e.platform is not null and e.platform ->> 'os' <> 'unknown'
          order by e.position) as platforms
  from page p
  join repository_manifest rm on rm.repository_id = $1 and rm.digest = p.digest
  join sizes s on s.root = p.digest
  left join lateral (
    select actor_id, promotion_id from tag_move m where m.repository_id = $1 and m.tag = p.name order by m.id desc limit 1
  ) last on true
  left join identity i on i.person_id = last.actor_id and i.issuer = 'local'
  left join robot r on r.id = last.actor_id`

const MOVES = `select ${MOVE_COLUMNS} from tag_move m ${MOVE_NAMES} where m.repository_id = $1 and m.tag = $2`

// The last move until then: of the tag, and of each release that may have stood behind it.
const AT = `
  select tag, "to" from (
    select distinct on (m.tag) m.tag, m.to_digest as "to" from tag_move m
    where m.repository_id = $1 and m.at <= $3 and (m.tag = $2 or m.tag ~ $4 and exists (
      select from feed f where f.id = $5 and f.tag_rules -> 'versions' = 'true'))
    order by m.tag, m.id desc) last
  where "to" is not null`
