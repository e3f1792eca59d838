import type { Actor } from '../actor.ts'
import { type Page, type Paged, afterName, paged } from '../page.ts'
import type { Connections } from '../transaction.ts'
import { report, type RunningItem } from './report.ts'
import { listRunning, type RunningFilter } from './running.ts'
import { missing, type NewSite, siteSettings, type SiteChange } from './sites.ts'
import { type Reader, readerValues, STANDING, type Standing } from './standing.ts'

export type { ReportView, RunningItem } from './report.ts'
export type { RunningFilter, RunningView } from './running.ts'
export type { NewSite, SiteChange } from './sites.ts'
export type { Reader, Standing } from './standing.ts'

/** One site with what runs there, counted as far as the reader sees it. */
export interface SiteView {
  readonly id: string
  readonly name: string
  readonly reporters: readonly string[]
  readonly staleAfterHours: number
  readonly createdAt: Date
  readonly reportedAt: Date | null
  readonly reportedBy: string | null
  readonly state: 'unreported' | 'current' | 'stale'
  readonly running: Readonly<Record<Standing, number>>
}

/** Where images run: the sites, and what they report (docs/running.md). */
export function sites(connections: Connections) {
  const { pool } = connections
  const settings = siteSettings(connections)

  async function read(reader: Reader, where: string, values: readonly unknown[]): Promise<SiteView[]> {
    const { rows } = await pool.query<SiteView>(`${STANDING(NOW)}, ${SITES} and ${where}`, [
      ...readerValues(reader),
      ...values,
    ])
    return rows
  }
  async function find(reader: Reader, name: string): Promise<SiteView> {
    const [site] = await read(reader, 's.name = $4', [name])
    if (site === undefined) throw missing(name)
    return site
  }

  return {
    reporting: settings.reporting,
    remove: settings.remove,
    report: (actor: Actor, siteId: string, items: readonly RunningItem[]) =>
      report(pool, actor, siteId, items),
    running: (reader: Reader, filter: RunningFilter) => listRunning(connections, reader, filter),

    /** By name: those that the reader sees something of. */
    async list(reader: Reader, { limit, after }: Page): Promise<Paged<SiteView>> {
      const page = 's.name > $4 order by s.name limit $5'
      return paged(await read(reader, page, [afterName(after), limit + 1]), limit, ({ name }) => name)
    },
    /** @throws StoreError not_found */
    get: find,
    /** @throws StoreError invalid, name_taken */
    async create(actor: Actor, site: NewSite): Promise<SiteView> {
      await settings.create(actor, site)
      return find(WHOLE, site.name)
    },
    /** @throws StoreError not_found, invalid */
    async patch(actor: Actor, name: string, change: SiteChange): Promise<SiteView> {
      await settings.patch(actor, name, change)
      return find(WHOLE, name)
    },
  }
}

const WHOLE: Reader = { whole: true, feedIds: [], siteIds: [] }

const NOW = 'select r.site_id, r.digest from running_image r where r.ended_at is null'

const STANDINGS: readonly Standing[] = ['recalled', 'admitted', 'not-admitted', 'unknown']

const SITES = `
  counted as (
    select site_id, ${STANDINGS.map((standing) => `count(*) filter (where standing = '${standing}') as "${standing}"`).join(', ')}
    from judged group by site_id)
  select s.id, s.name, s.stale_hours as "staleAfterHours", s.created_at as "createdAt", s.reported_at as "reportedAt",
    (select 'robot:' || b.name from robot b where b.id = s.reported_by
      union all
     (select i.subject from identity i where i.person_id = s.reported_by and i.issuer = 'local'
       order by i.created_at, i.id limit 1)) as "reportedBy",
    case when s.reported_at is null then 'unreported'
      when s.reported_at < now() - s.stale_hours * interval '1 hour' then 'stale' else 'current' end as state,
    array(select coalesce('user:' || i.subject, 'group:' || g.name, 'robot:' || b.name)
      from site_reporter w left join identity i on i.person_id = w.principal_id and i.issuer = 'local'
        left join user_group g on g.id = w.principal_id left join robot b on b.id = w.principal_id
      where w.site_id = s.id order by 1) as reporters,
    json_build_object(${STANDINGS.map((standing) => `'${standing}', coalesce(c."${standing}", 0)`).join(', ')}) as running
  from site s left join counted c on c.site_id = s.id
  where s.deleted_at is null
    and ($1 or s.id = any ($3::uuid[]) or c.site_id is not null)`
