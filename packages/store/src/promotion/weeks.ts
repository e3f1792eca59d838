import { StoreError } from '../errors.ts'
import { Prisma } from '../generated/client.ts'
import type { Transaction } from '../transaction.ts'

export interface Week {
  /** Its Monday in the zone that was asked for, as `YYYY-MM-DD`. */
  readonly monday: string
  /** Promotions that ended in it. */
  readonly promoted: number
  readonly failed: number
  /** Medians in milliseconds, null where nothing was: from the request to its promotion's end, and to its decision. */
  readonly lead: number | null
  readonly wait: number | null
}

export interface WeeksQuery {
  /** Of the IANA database, as `Europe/Berlin`: where a week begins. */
  readonly zone: string
  /** How many, the current one included. */
  readonly weeks: number
  /** The target feed, by its current or a former name. */
  readonly feed?: string | undefined
  readonly visibleFeedIds: readonly string[]
}

/**
 * The last weeks in figures over every row that may be seen, the oldest first. A wait is what people took: requests
 * that nobody decided (expired, cancelled) have none. @throws StoreError invalid (zone)
 */
export async function weeksOf(tx: Transaction, query: WeeksQuery): Promise<readonly Week[]> {
  const { zone, weeks, feed, visibleFeedIds } = query
  const [known] = await tx.$queryRaw<{ known: boolean }[]>`
    select exists (select from pg_timezone_names where name = ${zone}) as known`
  if (known?.known !== true) {
    throw new StoreError('invalid', 'must be a time zone of the IANA database, as Europe/Berlin', {
      field: 'zone',
    })
  }
  const into = [Prisma.sql`l.to_feed_id = any (${[...visibleFeedIds]}::uuid[])`]
  if (feed !== undefined) {
    into.push(Prisma.sql`l.to_feed_id = (select n.feed_id from feed_name n where n.name = ${feed})`)
  }
  const seen = Prisma.join(into, ' and ')
  return tx.$queryRaw<Week[]>`
    with week as (
      select monday, monday at time zone ${zone} as begins, (monday + interval '1 week') at time zone ${zone} as ends
      from generate_series(date_trunc('week', now() at time zone ${zone}) - ${weeks - 1} * interval '1 week',
        date_trunc('week', now() at time zone ${zone}), interval '1 week') monday
    )
    select to_char(week.monday, 'YYYY-MM-DD') as monday, ended.promoted, ended.failed, ended.lead, decided.wait
    from week
    cross join lateral (
      select count(*) filter (where p.state = 'SUCCEEDED')::int as promoted,
        count(*) filter (where p.state in ('FAILED', 'ERRORED'))::int as failed,
        percentile_cont(0.5) within group (order by 1000 * extract(epoch from p.finished_at - r.created_at)::float8)
          filter (where p.state = 'SUCCEEDED') as lead
      from promotion p join request r on r.id = p.request_id join lane l on l.id = r.lane_id
      where p.finished_at >= week.begins and p.finished_at < week.ends and ${seen}
    ) ended
    cross join lateral (
      select percentile_cont(0.5) within group (order by 1000 * extract(epoch from r.decided_at - r.created_at)::float8) as wait
      from request r join lane l on l.id = r.lane_id
      where r.decided_at >= week.begins and r.decided_at < week.ends and r.state in ('APPROVED', 'REJECTED')
        and exists (select from approval a where a.request_id = r.id and a.revoked_at is null) and ${seen}
    ) decided
    order by week.monday`
}
