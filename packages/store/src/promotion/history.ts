import type { PromotionState } from '@sluice/promotion'
import { Prisma } from '../generated/client.ts'
import { isId } from '../id.ts'
import { type Page, type Paged, paged } from '../page.ts'
import type { Transaction } from '../transaction.ts'
import { cursor } from './list.ts'
import { principalNamed, principalNames } from './names.ts'

export interface ExecutedTarget {
  readonly feed: string
  /** Of a remote feed: `HOST[:PORT][/PREFIX]`, where clients get its images; null: here. */
  readonly address: string | null
  readonly repository: string
  readonly tag: string
  readonly digest: string
}

/** One executed promotion, as `GET /promotions` answers it. */
export interface ExecutedPromotion {
  readonly id: string
  readonly requestId: string
  readonly state: PromotionState
  /** Of a release set: its set digest. */
  readonly digest: string
  readonly targets: readonly ExecutedTarget[]
  readonly requester: string
  readonly approvers: readonly string[]
  readonly startedAt: string | null
  readonly finishedAt: string | null
}

export interface PromotionFilter extends Page {
  /** The target feed, by its current or a former name. */
  readonly feed?: string | undefined
  /** The target repository. */
  readonly repository?: string | undefined
  /** That it was to set. */
  readonly tag?: string | undefined
  readonly digest?: string | undefined
  /** Who asked for it or approved it: a user name, or `robot:name`. */
  readonly actor?: string | undefined
  /** Of `finishedAt`: from `since`, before `until`. */
  readonly since?: Date | undefined
  readonly until?: Date | undefined
  /** Promotions into other feeds are not there. */
  readonly visibleFeedIds: readonly string[]
}

/** Promotions that ended, whatever came of them, the latest first; cancelled ones never were executed. */
export async function listPromotions(
  tx: Transaction,
  filter: PromotionFilter,
): Promise<Paged<ExecutedPromotion>> {
  const { feed, repository, tag, digest, actor, since, until, limit } = filter
  const where = [
    Prisma.sql`p.finished_at is not null and p.state <> 'CANCELLED'`,
    Prisma.sql`l.to_feed_id = any (${[...filter.visibleFeedIds]}::uuid[])`,
  ]
  if (feed !== undefined) {
    where.push(Prisma.sql`l.to_feed_id = (select n.feed_id from feed_name n where n.name = ${feed})`)
  }
  if (repository !== undefined) {
    where.push(
      Prisma.sql`exists (select from request_item i where i.request_id = r.id and i.target_repository = ${repository})`,
    )
  }
  if (tag !== undefined) {
    where.push(Prisma.sql`exists (select from request_target t where t.request_id = r.id and t.tag = ${tag})`)
  }
  if (actor !== undefined) {
    const id = await principalNamed(tx, actor)
    if (id === null) return { items: [], next: null }
    where.push(Prisma.sql`r.id in (select q.id from request q where q.requester_id = ${id}::uuid
      union select a.request_id from approval a where a.person_id = ${id}::uuid and a.decision = 'approve' and a.revoked_at is null)`)
  }
  if (digest !== undefined) {
    where.push(
      Prisma.sql`(r.set_digest = ${digest} or r.id in (select i.request_id from request_item i where i.digest = ${digest}))`,
    )
  }
  if (since !== undefined) where.push(Prisma.sql`p.finished_at >= ${since}`)
  if (until !== undefined) where.push(Prisma.sql`p.finished_at < ${until}`)
  if (filter.after != null) {
    const after = cursor(filter.after)
    where.push(
      Prisma.sql`(p.finished_at, p.id) < (select a.finished_at, a.id from promotion a where a.id = ${after}::uuid)`,
    )
  }
  const rows = await tx.$queryRaw<{ id: string }[]>`
    select p.id from promotion p join request r on r.id = p.request_id join lane l on l.id = r.lane_id
    where ${Prisma.join(where, ' and ')} order by p.finished_at desc, p.id desc limit ${limit + 1}`
  const { items: ids, next } = paged(
    rows.map(({ id }) => id),
    limit,
    (id) => id,
  )
  return { items: await readExecuted(tx, ids), next }
}

/** One promotion in any state, if its target feed is visible; else null. */
export async function findPromotion(
  tx: Transaction,
  id: string,
  visibleFeedIds: readonly string[],
): Promise<ExecutedPromotion | null> {
  if (!isId(id)) return null
  const rows = await tx.$queryRaw<{ id: string }[]>`
    select p.id from promotion p join request r on r.id = p.request_id join lane l on l.id = r.lane_id
    where p.id = ${id}::uuid and l.to_feed_id = any (${[...visibleFeedIds]}::uuid[])`
  const [found] = await readExecuted(
    tx,
    rows.map((row) => row.id),
  )
  return found ?? null
}

interface Row {
  readonly id: string
  readonly requestId: string
  readonly state: PromotionState
  readonly digest: string
  readonly targets: readonly ExecutedTarget[]
  readonly requesterId: string
  readonly approverIds: readonly string[]
  readonly startedAt: Date | null
  readonly finishedAt: Date | null
}

async function readExecuted(tx: Transaction, ids: readonly string[]): Promise<ExecutedPromotion[]> {
  const rows = await tx.$queryRaw<Row[]>`
    select p.id, p.request_id as "requestId", p.state, r.requester_id as "requesterId",
      p.started_at as "startedAt", p.finished_at as "finishedAt",
      case when (select count(*) from request_item i where i.request_id = r.id) = 1
        then (select i.digest from request_item i where i.request_id = r.id) else r.set_digest end as digest,
      (select coalesce(jsonb_agg(jsonb_build_object('feed', n.name, 'address', remote_address(l.to_feed_id), 'repository', i.target_repository, 'tag', t.tag, 'digest', i.digest)
          order by i.position, t.tag collate "C"), '[]')
        from request_item i join request_target t on t.request_id = i.request_id and t.position = i.position
        where i.request_id = r.id) as targets,
      array(select a.person_id from approval a where a.request_id = r.id and a.decision = 'approve'
        and a.revoked_at is null order by a.at, a.id) as "approverIds"
    from promotion p join request r on r.id = p.request_id join lane l on l.id = r.lane_id
      left join feed_name n on n.feed_id = l.to_feed_id and n.is_current
    where p.id = any (${[...ids]}::uuid[])`
  const names = await principalNames(
    tx,
    rows.flatMap(({ requesterId, approverIds }) => [requesterId, ...approverIds]),
  )
  const nameOf = (id: string): string => names.get(id) ?? id
  return ids.flatMap((id) => {
    const row = rows.find((one) => one.id === id)
    if (row === undefined) return []
    const { requesterId, approverIds, startedAt, finishedAt, ...rest } = row
    return {
      ...rest,
      requester: nameOf(requesterId),
      approvers: approverIds.map(nameOf),
      startedAt: startedAt?.toISOString() ?? null,
      finishedAt: finishedAt?.toISOString() ?? null,
    }
  })
}
