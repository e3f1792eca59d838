import type { Policy } from '@sluice/promotion'
import type pg from 'pg'
import type { RunEnd } from '../promotion/begin.ts'

/** An admission whose source is to be looked at again. */
export interface LateScan {
  readonly admissionId: string
  readonly requestId: string
  readonly promotionId: string
  readonly laneId: string
  readonly position: number
  /** Of the version that was approved. */
  readonly policy: Policy
  readonly source: RunEnd & { readonly repositoryId: string; readonly trusted: boolean }
  readonly target: RunEnd & { readonly repositoryId: string }
  /** The feed that it came from was deleted: only what is being pushed is finished. */
  readonly sourceGone: boolean
  /** By when it was due; somebody who asks meanwhile makes it due again. */
  readonly dueAt: Date
}

type Row = Omit<LateScan, 'source' | 'target'> & {
  readonly [Key in `${'source' | 'target'}${'Feed' | 'FeedId' | 'Repository' | 'RepositoryId'}`]: string
} & { readonly [Key in 'sourceRemote' | 'sourceProxy' | 'sourceTrusted' | 'targetRemote']: boolean }

/** Something is being pushed to the registry of the target. */
const UNFINISHED = `exists (select from late_referrer x where x.admission_id = a.id and x.state = 'intended')`

/**
 * Those that are due, the longest due first. Where a feed was deleted nothing is looked for any more; what is being
 * pushed is finished all the same.
 */
export async function dueScans(pool: pg.Pool, limit: number): Promise<LateScan[]> {
  await pool.query(
    `update late_scan s set due_at = 'infinity', problem = 'a feed was deleted'
     from admission a join promotion p on p.id = a.promotion_id join request q on q.id = p.request_id
       join lane l on l.id = q.lane_id join feed f on f.id in (l.from_feed_id, l.to_feed_id)
     where a.id = s.admission_id and s.due_at <= now() and f.deleted_at is not null and (f.id = l.to_feed_id or not ${UNFINISHED})`,
  )
  const { rows } = await pool.query<Row>(
    `select a.id as "admissionId", q.id as "requestId", p.id as "promotionId", q.lane_id as "laneId", a.position, v.policy,
       s.due_at as "dueAt", sf.id as "sourceFeedId", sn.name as "sourceFeed", sr.id as "sourceRepositoryId", sr.name as "sourceRepository",
       sf.kind = 'remote' as "sourceRemote", sf.kind = 'proxy' as "sourceProxy",
       sf.trusted as "sourceTrusted", sf.deleted_at is not null as "sourceGone", tf.id as "targetFeedId", tn.name as "targetFeed",
       tr.id as "targetRepositoryId", tr.name as "targetRepository", tf.kind = 'remote' as "targetRemote"
     from late_scan s join admission a on a.id = s.admission_id join promotion p on p.id = a.promotion_id
       join request q on q.id = p.request_id join lane_version v on v.lane_id = q.lane_id and v.version = q.lane_version
       join request_item i on i.request_id = q.id and i.position = a.position
       join repository sr on sr.id = i.source_repository_id join feed sf on sf.id = sr.feed_id
       join feed_name sn on sn.feed_id = sf.id and sn.is_current
       join repository tr on tr.id = a.repository_id join feed tf on tf.id = tr.feed_id
       join feed_name tn on tn.feed_id = tf.id and tn.is_current
     where s.due_at <= now() order by s.due_at, a.id limit $1`,
    [limit],
  )
  return rows.map((row) => ({
    admissionId: row.admissionId,
    requestId: row.requestId,
    promotionId: row.promotionId,
    laneId: row.laneId,
    position: row.position,
    policy: row.policy,
    sourceGone: row.sourceGone,
    dueAt: row.dueAt,
    source: {
      feedId: row.sourceFeedId,
      feed: row.sourceFeed,
      repository: row.sourceRepository,
      repositoryId: row.sourceRepositoryId,
      remote: row.sourceRemote,
      proxy: row.sourceProxy,
      trusted: row.sourceTrusted,
    },
    target: {
      feedId: row.targetFeedId,
      feed: row.targetFeed,
      repository: row.targetRepository,
      repositoryId: row.targetRepositoryId,
      remote: row.targetRemote,
      proxy: false,
    },
  }))
}

/**
 * Says when to look again: the older the promotion, the later, from a minute to a day; after 90 days when asked, or
 * while something is being pushed. With a problem, within the hour. Unless somebody has asked meanwhile.
 */
export async function finishScan(
  pool: pg.Pool,
  { admissionId, dueAt }: Pick<LateScan, 'admissionId' | 'dueAt'>,
  { problem, again }: { readonly problem: string | null; readonly again: boolean },
): Promise<void> {
  await pool.query(
    `update late_scan s set scanned_at = now(), problem = $2, due_at = case
       when s.due_at <> $3 then s.due_at
       when a.at < now() - interval '90 days' and not ${UNFINISHED} then 'infinity'
       else now() + greatest(interval '1 minute', least((now() - a.at) / 4, case when $4 then interval '1 hour' else interval '1 day' end)) end
     from admission a where a.id = s.admission_id and s.admission_id = $1`,
    [admissionId, problem?.slice(0, 1000) ?? null, dueAt, again || problem !== null],
  )
}

/** Makes every scan of a request due now; false: it has let nothing in. */
export async function askForScan(pool: pg.Pool, requestId: string): Promise<boolean> {
  const { rowCount } = await pool.query(
    `update late_scan s set due_at = least(s.due_at, now()) from admission a join promotion p on p.id = a.promotion_id
     where a.id = s.admission_id and p.request_id = $1`,
    [requestId],
  )
  return (rowCount ?? 0) > 0
}

/** Makes those due whose source is one of these repositories of a feed. */
export async function askForRepositories(
  pool: pg.Pool,
  feedId: string,
  repositories: readonly string[],
): Promise<void> {
  await pool.query(
    `update late_scan s set due_at = now() from admission a join promotion p on p.id = a.promotion_id
       join request_item i on i.request_id = p.request_id and i.position = a.position
       join repository r on r.id = i.source_repository_id
     where a.id = s.admission_id and s.due_at > now() and a.at > now() - interval '90 days'
       and r.feed_id = $1 and r.name = any ($2::text[])`,
    [feedId, repositories],
  )
}
