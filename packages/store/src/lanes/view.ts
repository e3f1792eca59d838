import type { Policy } from '@sluice/promotion'
import type pg from 'pg'
import { isName } from '../accounts/names.ts'
import { StoreError } from '../errors.ts'

/** A change that waits for a second administrator. */
export interface LaneChangeView {
  readonly id: string
  readonly kind: 'create' | 'put' | 'remove'
  /** Null: the lane is to be removed. */
  readonly policy: Policy | null
  readonly invalidate: boolean
  readonly by: string
  readonly at: string
}

export interface LaneView {
  readonly id: string
  readonly name: string
  /** Current names of the feeds. */
  readonly from: string
  readonly to: string
  readonly fromFeedId: string
  readonly toFeedId: string
  /** 0: it is not made before a second administrator confirms it; the policy is then the proposed one. */
  readonly version: number
  readonly policy: Policy
  readonly createdAt: Date
  /** When this version was written. */
  readonly updatedAt: Date
  readonly pending: LaneChangeView | null
}

/** One version of a lane's policy, as it stays on record. */
export interface LaneVersionView {
  readonly version: number
  readonly policy: Policy
  readonly policyHash: string
  readonly by: string
  readonly at: Date
  /** The second administrator, where one was needed. */
  readonly confirmedBy: string | null
}

const NAMED = (column: string) => `coalesce((select i.subject from identity i where i.person_id = ${column}
  order by i.issuer <> 'local', i.created_at, i.id limit 1), ${column}::text)`

const VIEW = `
  select l.id, l.name, f.name as "from", t.name as "to", l.from_feed_id as "fromFeedId", l.to_feed_id as "toFeedId",
    coalesce(v.version, 0) as version, coalesce(v.policy, c.policy) as policy, l.created_at as "createdAt",
    coalesce(v.created_at, c.proposed_at) as "updatedAt",
    case when c.id is not null then json_build_object('id', c.id, 'kind', c.kind, 'policy', c.policy,
      'invalidate', c.invalidate, 'by', ${NAMED('c.proposed_by')},
      'at', to_char(c.proposed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) end as pending
  from lane l
  join feed_name f on f.feed_id = l.from_feed_id and f.is_current
  join feed_name t on t.feed_id = l.to_feed_id and t.is_current
  left join lateral (select * from lane_version v where v.lane_id = l.id order by v.version desc limit 1) v on true
  left join lane_change c on c.lane_id = l.id and c.confirmed_at is null and c.withdrawn_at is null
  where l.deleted_at is null`

export async function readLanes(pool: pg.Pool): Promise<readonly LaneView[]> {
  return (await pool.query<LaneView>(`${VIEW} order by l.name collate "C"`)).rows
}

/** @throws StoreError not_found */
export async function readLane(pool: pg.Pool, name: string): Promise<LaneView> {
  const { rows } = await pool.query<LaneView>(`${VIEW} and l.name = $1`, [isName(name) ? name : ''])
  if (!rows[0]) throw missing(name)
  return rows[0]
}

/** Every version, the latest first. @throws StoreError not_found */
export async function readVersions(pool: pg.Pool, name: string): Promise<readonly LaneVersionView[]> {
  const { id } = await readLane(pool, name)
  const { rows } = await pool.query<LaneVersionView>(
    `select v.version, v.policy, v.policy_hash as "policyHash", v.created_at as at,
       ${NAMED('coalesce(c.proposed_by, v.created_by)')} as by,
       case when c.id is not null then ${NAMED('c.confirmed_by')} end as "confirmedBy"
     from lane_version v left join lane_change c on c.id = v.change_id
     where v.lane_id = $1 order by v.version desc`,
    [id],
  )
  return rows
}

export function missing(name: string): StoreError {
  return new StoreError('not_found', `there is no lane ${JSON.stringify(name)}`)
}
