import { afterNumber, type Page, type Paged, paged } from '../page.ts'
import { readStanding, type StandingRecallView } from '../promotion/recalled.ts'
import type { Connections } from '../transaction.ts'
import { type Reader, readerValues, STANDING, type Standing } from './standing.ts'

/** One digest in one site, as `GET /running` answers it. */
export interface RunningView {
  readonly site: string
  /** As the site reported it. */
  readonly digest: string
  readonly images: readonly string[]
  readonly since: string
  /** When a report no longer named it; null: it runs. */
  readonly until: string | null
  /** The site has not reported for longer than it is meant to. */
  readonly stale: boolean
  readonly standing: Standing
  readonly recall: StandingRecallView | null
  /** Some of those that hold it, trusted ones first, as `feed/repository`. */
  readonly repositories: readonly string[]
}

export interface RunningFilter extends Page {
  readonly site?: string | undefined
  /** What runs of it: itself, an index with it, an image or a config in it. */
  readonly digest?: string | undefined
  readonly standing?: Standing | undefined
  /** Also what ended, in sites that are deleted too. */
  readonly past?: boolean | undefined
}

type Row = Omit<RunningView, 'since' | 'until' | 'recall' | 'stale'> & {
  readonly id: string
  readonly since: Date
  readonly until: Date | null
  readonly stale: boolean | null
  readonly recallId: string | null
}

const REPOSITORIES = 5

/** What began to run last first. @throws StoreError invalid (after) */
export async function listRunning(
  { pool, prisma }: Connections,
  reader: Reader,
  { site, digest, standing, past = false, limit, after }: RunningFilter,
): Promise<Paged<RunningView>> {
  // Where nothing is left out afterwards, the page is cut before anything is judged.
  const cut = reader.whole && standing === undefined
  const picked = `
    select r.id, r.site_id, r.digest, r.images, r.began_at, r.ended_at, s.name as site,
      s.reported_at < now() - s.stale_hours * interval '1 hour' as stale
    from running_image r join site s on s.id = r.site_id
    where ($4::text is null or s.name = $4) and ($5::text is null or r.digest in (select runs_as($5)))
      and ($6 or r.ended_at is null) and ($7::bigint is null or r.id < $7)
    order by r.id desc ${cut ? 'limit $9' : ''}`
  const sql = `${STANDING(picked)}
    select j.id, j.site, j.digest, j.images, j.began_at as since, j.ended_at as until, j.stale, j.standing,
      j.recall_id as "recallId",
      array(select n.name || '/' || r.name from unnest(j.repositories) u (id) join repository r on r.id = u.id
        join feed f on f.id = r.feed_id join feed_name n on n.feed_id = f.id and n.is_current
        order by not f.trusted, 1 limit ${REPOSITORIES}) as repositories
    from judged j where $8::text is null or j.standing = $8 order by j.id desc limit $9`
  const { rows } = await pool.query<Row>(sql, [
    ...readerValues(reader),
    site ?? null,
    digest ?? null,
    past,
    afterNumber(after),
    standing ?? null,
    limit + 1,
  ])
  const { items, next } = paged(rows, limit, ({ id }) => id)
  const recalls = await readStanding(
    prisma,
    items.flatMap(({ recallId }) => recallId ?? []),
  )
  return {
    items: items.map(({ id: _, since, until, stale, recallId, ...row }) => ({
      ...row,
      since: since.toISOString(),
      until: until?.toISOString() ?? null,
      stale: until === null && stale === true,
      recall: recallId === null ? null : (recalls.get(recallId) ?? null),
    })),
    next,
  }
}
