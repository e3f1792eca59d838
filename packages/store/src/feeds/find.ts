import { isFeedName } from '@sluice/oci'
import type { Retention, TagRules } from '@sluice/promotion'
import { StoreError } from '../errors.ts'
import { REMOTE_VIEW, type RemoteView } from '../remotes/settings.ts'
import type { Transaction } from '../transaction.ts'

export interface Quota {
  readonly bytes: number
}

/** `remote`: in a registry elsewhere. `proxy`: a cache of one, filled by what is asked for. */
export type FeedKind = 'hosted' | 'remote' | 'proxy'

/** What a proxy feed keeps, and how it stands with its upstream, as far as any process knows. */
export interface CacheView {
  /** What nobody pulled for so many days goes. */
  readonly keepDays: number
  /** ISO 8601, to a minute; null: it was not asked yet. */
  readonly reachedAt: string | null
  /** Since when it cannot be asked, and why; null while it answers. */
  readonly failingSince: string | null
  readonly failure: string | null
}

/** A feed as administrators see it. */
export interface FeedView {
  readonly id: string
  readonly name: string
  /** Names it had before; they still lead here. Sorted. */
  readonly formerNames: readonly string[]
  readonly kind: FeedKind
  readonly stage: string
  readonly trusted: boolean
  readonly tagRules: TagRules
  readonly retention: Retention
  readonly quota: Quota | null
  /** How its registry is reached; null where the feed is hosted. */
  readonly remote: RemoteView | null
  /** Of a remote feed: `HOST[:PORT][/PREFIX]`, where clients get its images; null: here. */
  readonly address: string | null
  /** Of a proxy feed; else null. */
  readonly cache: CacheView | null
  /** Bytes of the distinct blobs that its repositories hold. */
  readonly used: number
  readonly createdAt: Date
}

const iso = (column: string) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
const CACHE_VIEW = `
  (select json_build_object('keepDays', k.keep_days, 'reachedAt', ${iso('k.reached_at')},
    'failingSince', ${iso('k.failing_since')}, 'failure', k.failure)
   from feed_cache k where k.feed_id = f.id)`

/** To be followed by `where …`; deleted feeds must be left out there. */
export const FEED_VIEW = `
  select f.id, c.name, f.kind, f.stage, f.trusted, f.tag_rules as "tagRules", f.created_at as "createdAt", f.retention,
    case when f.quota_bytes is not null then json_build_object('bytes', f.quota_bytes) end as quota,
    ${REMOTE_VIEW} as remote, ${CACHE_VIEW} as cache, case when f.kind = 'remote' then remote_address(f.id) end as address,
    (select coalesce(sum(u.bytes), 0)::float8 from feed_usage u where u.feed_id = f.id) as used,
    array(select n.name from feed_name n where n.feed_id = f.id and not n.is_current order by n.name collate "C") as "formerNames"
  from feed f join feed_name c on c.feed_id = f.id and c.is_current`

interface FeedRow {
  readonly id: string
  readonly name: string
  readonly kind: string
  readonly stage: string
  readonly trusted: boolean
  readonly tagRules: unknown
  readonly retention: unknown
  readonly quota: Quota | null
}

/** By current or former name, inside a decision; null when there is none. */
export async function feedByName(tx: Transaction, name: string): Promise<FeedRow | null> {
  if (!isFeedName(name)) return null
  const rows = await tx.$queryRaw<FeedRow[]>`
    select f.id, c.name, f.kind, f.stage, f.trusted, f.tag_rules as "tagRules", f.retention,
      case when f.quota_bytes is not null then json_build_object('bytes', f.quota_bytes) end as quota
    from feed_name n
    join feed f on f.id = n.feed_id and f.deleted_at is null
    join feed_name c on c.feed_id = f.id and c.is_current
    where n.name = ${name}`
  return rows[0] ?? null
}

/** The same, held until commit: nobody else changes it meanwhile. @throws StoreError not_found */
export async function lockFeed(tx: Transaction, name: string): Promise<FeedRow> {
  const found = await feedByName(tx, name)
  if (found) await tx.$queryRaw`select id from feed where id = ${found.id}::uuid for update`
  const feed = found && (await feedByName(tx, name))
  if (!feed) throw new StoreError('not_found', `there is no feed ${JSON.stringify(name)}`)
  return feed
}
