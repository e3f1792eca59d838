import { type Actor, actorOf } from '../actor.ts'
import { appendEntry } from '../audit/entry.ts'
import { StoreError } from '../errors.ts'
import { Prisma } from '../generated/client.ts'
import { isId } from '../id.ts'
import { type Page, type Paged, paged } from '../page.ts'
import { principalNames } from '../promotion/names.ts'
import type { Transaction } from '../transaction.ts'

export type Resolution = 'restored' | 'accept-removed' | 'accepted'

/** A tag of a trusted remote feed that is, or was, not where a promotion put it. */
export interface AlertView {
  readonly id: string
  readonly feed: string
  readonly repository: string
  readonly tag: string
  /** By promotions; null: nothing was promoted to it. */
  readonly expected: string | null
  /** By the registry; null: the tag is gone. */
  readonly seen: string | null
  readonly firstSeen: Date
  readonly lastSeen: Date
  /** Null while it is open; `by` null: it was seen to be right again. */
  readonly resolved: {
    readonly at: Date
    readonly by: string | null
    readonly resolution: Resolution
    readonly comment: string | null
  } | null
}

export interface AlertFilter extends Page {
  readonly state?: 'open' | 'resolved' | undefined
  readonly feedId?: string | undefined
  readonly visibleFeedIds: readonly string[]
}

interface Row extends Omit<AlertView, 'resolved'> {
  readonly resolvedAt: Date | null
  readonly resolvedBy: string | null
  readonly resolution: Resolution | null
  readonly comment: string | null
}

const COLUMNS = Prisma.sql`
  a.id, n.name as feed, r.name as repository, a.tag, a.expected, a.seen, a.first_seen as "firstSeen", a.last_seen as "lastSeen",
  a.resolved_at as "resolvedAt", a.resolved_by as "resolvedBy", a.resolution, a.comment
  from remote_alert a join repository r on r.id = a.repository_id
    join feed_name n on n.feed_id = r.feed_id and n.is_current`

/** The newest first. @throws StoreError invalid (after) */
export async function listAlerts(tx: Transaction, filter: AlertFilter): Promise<Paged<AlertView>> {
  const { state, feedId, limit, after, visibleFeedIds } = filter
  const where = [Prisma.sql`r.feed_id = any (${[...visibleFeedIds]}::uuid[])`]
  if (state !== undefined) where.push(Prisma.sql`(a.resolved_at is null) = ${state === 'open'}`)
  if (feedId !== undefined) where.push(Prisma.sql`r.feed_id = ${feedId}::uuid`)
  if (after != null) {
    if (!isId(after)) throw new StoreError('invalid', 'is not a place in this list', { field: 'after' })
    where.push(
      Prisma.sql`(a.first_seen, a.id) < (select x.first_seen, x.id from remote_alert x where x.id = ${after}::uuid)`,
    )
  }
  const rows = await tx.$queryRaw<Row[]>`
    select ${COLUMNS} where ${Prisma.join(where, ' and ')} order by a.first_seen desc, a.id desc limit ${limit + 1}`
  const { items, next } = paged(rows, limit, ({ id }) => id)
  return { items: await viewsOf(tx, items), next }
}

/** @throws StoreError not_found */
export async function readAlert(tx: Transaction, id: string): Promise<AlertView> {
  const rows = isId(id) ? await tx.$queryRaw<Row[]>`select ${COLUMNS} where a.id = ${id}::uuid` : []
  const [view] = await viewsOf(tx, rows)
  if (view === undefined) throw new StoreError('not_found', `there is no alert ${id.slice(0, 40)}`)
  return view
}

async function viewsOf(tx: Transaction, rows: readonly Row[]): Promise<AlertView[]> {
  const names = await principalNames(
    tx,
    rows.flatMap(({ resolvedBy }) => resolvedBy ?? []),
  )
  return rows.map(({ resolvedAt: at, resolvedBy: by, resolution, comment, ...row }) => ({
    ...row,
    resolved:
      at === null || resolution === null
        ? null
        : { at, by: by === null ? null : (names.get(by) ?? by), resolution, comment },
  }))
}

/** The feed of an alert; null: there is none. */
export async function feedOfAlert(
  tx: Transaction,
  id: string,
): Promise<{ feedId: string; repository: string; tag: string } | null> {
  const [row] = isId(id)
    ? await tx.$queryRaw<{ feedId: string; repository: string; tag: string }[]>`
        select r.feed_id as "feedId", r.name as repository, a.tag
        from remote_alert a join repository r on r.id = a.repository_id where a.id = ${id}::uuid`
    : []
  return row ?? null
}

/**
 * Ends an open alert for a person who looked into it. `accept-removed` takes the tag out of the ledger too, by a
 * move of its own; `accepted` leaves ledger and registry as they differ, and promotions to the tag go on.
 * @throws StoreError not_found, already_decided, invalid
 */
export async function resolveAlert(
  tx: Transaction,
  actor: Actor,
  id: string,
  { resolution, comment }: { readonly resolution: 'accept-removed' | 'accepted'; readonly comment: string },
): Promise<void> {
  if (comment.trim() === '') throw new StoreError('invalid', 'a resolution says why', { field: 'comment' })
  const [alert] = await tx.$queryRaw<
    {
      repositoryId: string
      feedId: string
      tag: string
      expected: string | null
      seen: string | null
      open: boolean
    }[]
  >`select a.repository_id as "repositoryId", r.feed_id as "feedId", a.tag, a.expected, a.seen, a.resolved_at is null as open
    from remote_alert a join repository r on r.id = a.repository_id where a.id = ${id}::uuid for update of a`
  if (alert === undefined) throw new StoreError('not_found', `there is no alert ${id}`)
  const { repositoryId, feedId, tag, expected, seen, open } = alert
  if (!open) throw new StoreError('already_decided', 'this alert is resolved')
  if (resolution === 'accept-removed' && (seen !== null || expected === null)) {
    const message = `the tag ${tag} is not gone: the registry serves ${seen ?? 'nothing'}`
    throw new StoreError('invalid', message, { field: 'resolution' })
  }
  const entryId = await appendEntry(tx, {
    type: 'alert.resolved',
    actor: actorOf(actor),
    subjects: [
      `alert:${id}`,
      `feed:${feedId}`,
      `repository:${repositoryId}`,
      ...[expected, seen].flatMap((digest) => (digest === null ? [] : [`digest:${digest}`])),
    ],
    payload: { tag, expected, seen, resolution, comment },
  })
  await tx.$executeRaw`
    update remote_alert set resolved_at = now(), resolved_by = ${actor.principalId}::uuid, resolution = ${resolution},
      comment = ${comment}, resolved_entry_id = ${entryId}::uuid where id = ${id}::uuid`
  if (resolution === 'accept-removed') await tx.$executeRaw`select forget_removed_tag(${id}::uuid)`
}
