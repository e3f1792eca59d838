import type { Carried } from '@sluice/promotion'
import type pg from 'pg'
import { StoreError } from '../errors.ts'
import { isId } from '../id.ts'
import { type Page, type Paged, paged } from '../page.ts'

/** An artifact that came to the source after the promotion, as `GET /requests/{id}/referrers` answers it. */
export interface LateView {
  readonly id: string
  readonly target: { readonly feed: string; readonly repository: string }
  readonly subject: string
  readonly digest: string
  /** As `sha256-….sig`; null: it refers by its own subject. */
  readonly tag: string | null
  readonly state: 'waiting' | 'admitted' | 'refused'
  readonly reason: string | null
  readonly carries: readonly Carried[]
  readonly foundAt: Date
  readonly changedAt: Date
}

export interface LateList extends Paged<LateView> {
  /** When the source was last looked at, and when it will be; null: not yet, and not unless somebody asks. */
  readonly scannedAt: Date | null
  readonly dueAt: Date | null
  /** Why not all could be looked at. */
  readonly problem: string | null
}

/** The newest first. @throws StoreError invalid (after) */
export async function listLate(pool: pg.Pool, requestId: string, { limit, after }: Page): Promise<LateList> {
  if (after != null && !isId(after))
    throw new StoreError('invalid', 'is not a place in this list', { field: 'after' })
  const { rows } = await pool.query<LateView>(
    `select l.id, json_build_object('feed', n.name, 'repository', r.name) as target, l.subject, l.digest, nullif(l.tag, '') as tag,
       case l.state when 'intended' then 'waiting' else l.state end as state,
       case when l.state = 'intended' and f.deleted_at is not null then 'the feed of the target was deleted'
         when l.state = 'intended' then coalesce(l.reason, 'it is being pushed to the registry of the target')
         else l.reason end as reason,
       l.carries, l.found_at as "foundAt", l.changed_at as "changedAt"
     from late_referrer l join admission a on a.id = l.admission_id join promotion p on p.id = a.promotion_id
       join repository r on r.id = a.repository_id join feed f on f.id = a.feed_id join feed_name n on n.feed_id = a.feed_id and n.is_current
     where p.request_id = $1 and ($2::uuid is null
       or (l.found_at, l.id) < (select x.found_at, x.id from late_referrer x where x.id = $2::uuid))
     order by l.found_at desc, l.id desc limit $3`,
    [requestId, after ?? null, limit + 1],
  )
  const { rows: scans } = await pool.query<Pick<LateList, 'scannedAt' | 'dueAt' | 'problem'>>(
    `select min(s.scanned_at) as "scannedAt", nullif(min(s.due_at), 'infinity') as "dueAt", min(s.problem) as problem
     from late_scan s join admission a on a.id = s.admission_id join promotion p on p.id = a.promotion_id
     where p.request_id = $1`,
    [requestId],
  )
  const { scannedAt = null, dueAt = null, problem = null } = scans[0] ?? {}
  return { ...paged(rows, limit, ({ id }) => id), scannedAt, dueAt, problem }
}
