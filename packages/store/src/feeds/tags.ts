import { isRepositoryName, isTag } from '@sluice/oci'
import { StoreError } from '../errors.ts'
import { afterNumber, type Page, type Paged, paged } from '../page.ts'
import type { Connections } from '../transaction.ts'
import { compareTags } from './version-order.ts'

export interface TagView {
  readonly tag: string
  readonly digest: string
  readonly mediaType: string
  /** Bytes of everything a client needs, of all platforms; shared parts once. */
  readonly size: number
  /** As `linux/arm64/v8`; of an index only, since a manifest does not name its own. */
  readonly platforms: readonly string[]
  readonly pushedAt: Date
  /** Null when a promotion brought it. */
  readonly pushedBy: string | null
  readonly promotionId: string | null
  /** Kept by the feed itself, not by anybody's push. */
  readonly virtual: false
}

export interface TagMoveView {
  readonly tag: string
  readonly from: string | null
  /** Null: the tag was removed. */
  readonly to: string | null
  readonly at: Date
  readonly by: string | null
  readonly promotionId: string | null
}

/** Tags as people look at them; `/v2` has its own reads (feed-index). */
export function feedTags({ pool }: Connections) {
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
    /** In version order, the lowest first. @throws StoreError not_found */
    async tags(feedId: string, repository: string, { limit, after }: Page): Promise<Paged<TagView>> {
      if (after && !isTag(after)) throw new StoreError('invalid', 'must be a tag', { field: 'after' })
      const id = await repositoryId(feedId, repository)
      const { rows } = await pool.query<{ name: string }>('select name from tag where repository_id = $1', [
        id,
      ])
      const names = rows
        .map(({ name }) => name)
        .filter((name) => !after || compareTags(name, after) > 0)
        .sort(compareTags)
      const page = paged(names.slice(0, limit + 1), limit, (name) => name)
      const views = await pool.query<Omit<TagView, 'size'> & { size: string }>(TAGS, [id, page.items])
      const byName = new Map(views.rows.map((view) => [view.tag, view]))
      const items = page.items.flatMap((name) => byName.get(name) ?? [])
      return {
        items: items.map((view) => ({ ...view, size: Number(view.size), virtual: false })),
        next: page.next,
      }
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
        items: page.items.map(({ tag: of, from, to, at, by, promotionId }) => ({
          tag: of,
          from,
          to,
          at,
          by,
          promotionId,
        })),
        next: page.next,
      }
    },

    /** The digest the tag pointed at then; null: it was not there. @throws StoreError not_found */
    async tagAt(feedId: string, repository: string, tag: string, at: Date): Promise<string | null> {
      const id = await repositoryId(feedId, repository)
      if (!isTag(tag)) return null
      const { rows } = await pool.query<TagMoveView>(`${MOVES} and m.at <= $3 order by m.id desc limit 1`, [
        id,
        tag,
        at,
      ])
      return rows[0]?.to ?? null
    },
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

const MOVES = `
  select m.id, m.tag, m.from_digest as "from", m.to_digest as "to", m.at, coalesce(i.subject, r.name) as by,
    m.promotion_id as "promotionId"
  from tag_move m
  left join identity i on i.person_id = m.actor_id and i.issuer = 'local'
  left join robot r on r.id = m.actor_id
  where m.repository_id = $1 and m.tag = $2`
