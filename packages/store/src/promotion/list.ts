import type { PromotionState, RequestState } from '@sluice/promotion'
import { StoreError } from '../errors.ts'
import { Prisma } from '../generated/client.ts'
import { isId } from '../id.ts'
import { type Page, type Paged, paged } from '../page.ts'
import type { Transaction } from '../transaction.ts'
import { REVIEWS_NEEDED } from './break-glass.ts'
import { found } from './find.ts'
import { principalNamed } from './names.ts'
import { type RequestView, readRequests } from './view.ts'

export interface RequestFilter extends Page {
  readonly state?: RequestState | undefined
  /** Of the latest promotion. */
  readonly promotion?: PromotionState | undefined
  readonly lane?: string | undefined
  /** Of the source or of the target. */
  readonly repository?: string | undefined
  /** Of an item, or the set digest. */
  readonly digest?: string | undefined
  /** Let in without a quorum, and not yet reviewed by as many as must. */
  readonly review?: 'due' | undefined
  /** As people look for one: see `found`. */
  readonly find?: string | undefined
  /** A user name, or `robot:name`. */
  readonly requester?: string | undefined
  /** Requests of lanes that touch none of these feeds are not there. */
  readonly visibleFeedIds: readonly string[]
}

/** Requests, the newest first. @throws StoreError invalid (after) */
export async function listRequests(tx: Transaction, filter: RequestFilter): Promise<Paged<RequestView>> {
  const { state, promotion, lane, repository, digest, limit } = filter
  const feeds = [...filter.visibleFeedIds]
  const where = [
    Prisma.sql`r.lane_id in (select l.id from lane l where (l.from_feed_id = any (${feeds}::uuid[])
      or l.to_feed_id = any (${feeds}::uuid[])) and (${lane ?? null}::text is null or l.name = ${lane ?? null}))`,
  ]
  if (state !== undefined) where.push(Prisma.sql`r.state = ${state}`)
  if (promotion !== undefined) {
    where.push(Prisma.sql`r.id in (select p.request_id from promotion p where p.state = ${promotion}
      and not exists (select from promotion later where later.request_id = p.request_id and later.created_at > p.created_at))`)
  }
  if (digest !== undefined) {
    where.push(Prisma.sql`(r.set_digest = ${digest} or r.id in (
      select i.request_id from request_item i where i.digest = ${digest}))`)
  }
  if (repository !== undefined) {
    where.push(Prisma.sql`r.id in (
      select i.request_id from request_item i where i.target_repository = ${repository}
      union select i.request_id from request_item i join repository s on s.id = i.source_repository_id where s.name = ${repository})`)
  }
  if (filter.review !== undefined) {
    where.push(Prisma.sql`r.id in (select b.request_id from break_glass b
      where (select count(*) from break_glass_review v where v.break_glass_id = b.id) < ${REVIEWS_NEEDED})`)
  }
  if (filter.find !== undefined) where.push(found(filter.find))
  if (filter.requester !== undefined) {
    const id = await principalNamed(tx, filter.requester)
    if (id === null) return { items: [], next: null }
    where.push(Prisma.sql`r.requester_id = ${id}::uuid`)
  }
  if (filter.after != null) {
    const after = cursor(filter.after)
    where.push(
      Prisma.sql`(r.created_at, r.id) < (select a.created_at, a.id from request a where a.id = ${after}::uuid)`,
    )
  }
  const rows = await tx.$queryRaw<{ id: string }[]>`
    select r.id from request r where ${Prisma.join(where, ' and ')}
    order by r.created_at desc, r.id desc limit ${limit + 1}`
  const { items: ids, next } = paged(
    rows.map(({ id }) => id),
    limit,
    (id) => id,
  )
  return { items: await readRequests(tx, ids), next }
}

/** The id that a page ended with. @throws StoreError invalid */
export function cursor(after: string): string {
  if (isId(after)) return after
  throw new StoreError('invalid', 'after must be the `next` of an earlier page', { field: 'after' })
}
