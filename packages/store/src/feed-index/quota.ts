import { overQuota, type QuotaState } from '@sluice/feed'
import type pg from 'pg'
import { appendEntrySql, SYSTEM } from '../audit/entry.ts'

/** From this share on, the first push that crosses it leaves the entry `feed.quota-warning`. */
const WARN_AT = 0.8

interface Usage {
  readonly feedId: string
  readonly quota: number
  /** Distinct blobs. */
  readonly stored: number
  /** What uploads that have not ended have brought. */
  readonly open: number
  /** Stored by this transaction. */
  readonly grown: number
}

/** Refuses to receive bytes for a feed that is full; answers what it holds. @throws FeedError DENIED */
export async function requireRoom(
  client: pg.PoolClient,
  repositoryId: string,
): Promise<QuotaState | undefined> {
  const usage = await readUsage(client, repositoryId)
  if (usage === null) return undefined
  const { quota, stored, open } = usage
  const used = stored + open
  if (used >= quota) throw overQuota({ quota, used })
  return { quota, used }
}

/**
 * Refuses what this transaction recorded of an upload when the feed thereby exceeds its quota. Takes the feed's turn, as
 * linking does, so that uploads of one moment see each other. @throws FeedError DENIED
 */
export async function chargeOpen(client: pg.PoolClient, repositoryId: string, grown: number): Promise<void> {
  await client.query(
    `select pg_advisory_xact_lock(hashtextextended('sluice quota ' || feed_id, 0)) from repository where id = $1`,
    [repositoryId],
  )
  const usage = await readUsage(client, repositoryId)
  if (usage === null) return
  const { quota, stored, open } = usage
  if (stored + open > quota) throw overQuota({ quota, used: stored + open - grown })
}

/**
 * Refuses what this transaction linked when the feed thereby exceeds its quota; what adds nothing is
 * never refused. Linking took the feed's turn (`count_link`), which lasts until commit: what is read here
 * is all that those before us hold, and what other uploads have brought so far. @throws FeedError DENIED
 */
export async function chargeQuota(client: pg.PoolClient, repositoryId: string): Promise<void> {
  const usage = await readUsage(client, repositoryId)
  if (usage === null || usage.grown <= 0) return
  const { feedId, quota, stored, open, grown } = usage
  if (stored + open > quota) throw overQuota({ quota, used: stored + open - grown })
  if (stored < quota * WARN_AT || stored - grown >= quota * WARN_AT) return
  await appendEntrySql(client, {
    type: 'feed.quota-warning',
    actor: SYSTEM,
    subjects: [`feed:${feedId}`],
    payload: { quota, used: stored },
  })
}

/** Null: the feed has no quota. */
async function readUsage(client: pg.PoolClient, repositoryId: string): Promise<Usage | null> {
  const { rows } = await client.query<Usage>({ name: 'feed_usage', text: USAGE, values: [repositoryId] })
  return rows[0] ?? null
}

const USAGE = `
  select f.id as "feedId", f.quota_bytes::float8 as quota, coalesce(sum(u.bytes), 0)::float8 as stored,
    (select coalesce(sum(o.received), 0)::float8 from upload o join repository p on p.id = o.repository_id
     where p.feed_id = f.id) as open,
    coalesce(sum(u.bytes) filter (where u.xmin = pg_current_xact_id()::xid), 0)::float8 as grown
  from repository r
  join feed f on f.id = r.feed_id
  left join feed_usage u on u.feed_id = f.id
  where r.id = $1 and f.quota_bytes is not null
  group by f.id`
