import { releasesWithin } from '@sluice/promotion'
import { afterName, type Page, type Paged, paged } from '../page.ts'
import type { Connections } from '../transaction.ts'

/** What of a repository stands in a feed. */
export interface Newest {
  readonly tag: string
  readonly digest: string
  readonly setAt: Date
}

export interface StageView {
  readonly repository: string
  readonly places: readonly { readonly feed: string; readonly newest: Newest | null }[]
}

export interface StageQuery extends Page {
  /** A part of the repository's name. */
  readonly find?: string | undefined
  /** Other feeds are not there. */
  readonly visibleFeedIds: readonly string[]
}

interface Row {
  readonly id: string
  readonly feed: string
  readonly repository: string
  readonly releases: readonly string[]
  readonly last: { readonly tag: string; readonly digest: string; readonly setAt: string } | null
}

/** Where each repository is, a page at a time: three statements, however many feeds and tags there are. */
export function feedStages({ pool }: Connections) {
  return {
    /** By name, in ASCII order. The highest release of each; without releases, what was set last. */
    async stages({ visibleFeedIds, find = '', limit, after }: StageQuery): Promise<Paged<StageView>> {
      const feeds = [...visibleFeedIds]
      const names = await pool.query<{ name: string }>(NAMES, [
        feeds,
        afterName(after),
        find.toLowerCase(),
        limit + 1,
      ])
      const page = paged(names.rows, limit, ({ name }) => name)
      const { rows } = await pool.query<Row>(PLACES, [feeds, page.items.map(({ name }) => name)])
      const highest = rows.map(({ releases }) => releasesWithin('latest-stable', releases).at(-1) ?? null)
      const tagged = await pool.query<{ id: string; digest: string; setAt: Date }>(TAGGED, [
        rows.map(({ id }) => id),
        highest,
      ])
      const released = new Map(tagged.rows.map(({ id, digest, setAt }) => [id, { digest, setAt }]))
      const newest = ({ id, last }: Row, tag: string | null): Newest | null => {
        const release = released.get(id)
        if (tag !== null && release !== undefined) return { tag, ...release }
        return last && { ...last, setAt: new Date(last.setAt) }
      }
      const items = page.items.map(({ name }) => ({
        repository: name,
        places: rows.flatMap((row, at) =>
          row.repository === name ? { feed: row.feed, newest: newest(row, highest[at] ?? null) } : [],
        ),
      }))
      return { items, next: page.next }
    },
  }
}

// A repository that was emptied, or only asked for, is not there.
const HELD = `(exists (select from repository_manifest m where m.repository_id = r.id)
  or exists (select from remote_tag o where o.repository_id = r.id))`

const NAMES = `
  select distinct r.name collate "C" as name from repository r
  where r.feed_id = any ($1) and r.name collate "C" > $2 and strpos(r.name, $3) > 0 and ${HELD}
  order by 1 limit $4`

const PLACES = `
  select r.id, n.name as feed, r.name as repository,
    array(select t.name from current_tag t where t.repository_id = r.id and t.name ~ '^[0-9]+\\.[0-9]+\\.[0-9]+$') as releases,
    (select jsonb_build_object('tag', t.name, 'digest', t.digest, 'setAt', t.moved_at) from current_tag t
     where t.repository_id = r.id order by t.moved_at desc, t.name desc limit 1) as last
  from repository r join feed_name n on n.feed_id = r.feed_id and n.is_current
  where r.feed_id = any ($1) and r.name = any ($2) and ${HELD}
  order by n.name collate "C"`

const TAGGED = `
  select t.repository_id as id, t.digest, t.moved_at as "setAt"
  from unnest($1::uuid[], $2::text[]) a (id, tag) join current_tag t on t.repository_id = a.id and t.name = a.tag`
