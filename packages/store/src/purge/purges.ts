import { type Actor, actorOf } from '../actor.ts'
import { appendEntry } from '../audit/entry.ts'
import { StoreError } from '../errors.ts'
import { Prisma } from '../generated/client.ts'
import { isId, newId } from '../id.ts'
import { type Page, type Paged, paged } from '../page.ts'
import { principalNames } from '../promotion/names.ts'
import type { Transaction } from '../transaction.ts'

export interface NewPurge {
  /** A manifest whose recall stands. */
  readonly digest: string
  /** Which of its recalls, by their feed; absent: the first. */
  readonly feedId?: string | undefined
  readonly reason: string
}

/** One purge, as `GET /purges` answers it. */
export interface PurgeView {
  readonly id: string
  readonly digest: string
  readonly recall: string
  /** Of the recall. */
  readonly feed: string
  readonly reason: string
  readonly openedBy: string
  readonly openedAt: string
  /** Null: its bytes are still there. */
  readonly confirmed: {
    readonly by: string
    readonly at: string
    /** Every manifest that went: itself, under each digest it was stored under, and of an index what nothing else held. */
    readonly digests: readonly string[]
  } | null
}

export interface PurgeFilter extends Page {
  readonly digest?: string | undefined
  /** Purges after recalls in other feeds are not there; null: all are. */
  readonly visibleFeedIds: readonly string[] | null
}

/** Asks for the bytes of a recalled manifest to be removed. @throws StoreError not_recalled, purge_not_granted */
export async function openPurge(
  tx: Transaction,
  actor: Actor,
  { digest, feedId, reason }: NewPurge,
): Promise<{ id: string; created: boolean }> {
  const openedBy = personOf(actor)
  await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended(${`purge ${digest}`}, 0))`
  const [recall] = await tx.$queryRaw<{ id: string; feedId: string; purgeId: string | null }[]>`
    select r.id, r.feed_id as "feedId", p.id as "purgeId" from recall r left join purge p on p.recall_id = r.id
    where r.digest = ${digest} and r.lifted_at is null
      and (${feedId ?? null}::uuid is null or r.feed_id = ${feedId ?? null}::uuid)
    order by p.id is null, r.at, r.id limit 1`
  if (recall === undefined) {
    throw new StoreError('not_recalled', `${digest} is not recalled; recall it first, then purge it`, {
      field: 'digest',
    })
  }
  if (recall.purgeId !== null) return { id: recall.purgeId, created: false }
  const id = newId()
  const entryId = await appendEntry(tx, {
    type: 'purge.opened',
    actor: actorOf(actor),
    subjects: [`purge:${id}`, `digest:${digest}`, `recall:${recall.id}`, `feed:${recall.feedId}`],
    payload: { reason },
  })
  await tx.$executeRaw`
    insert into purge (id, recall_id, digest, reason, opened_by, entry_id)
    values (${id}::uuid, ${recall.id}::uuid, ${digest}, ${reason}, ${openedBy}::uuid, ${entryId}::uuid)`
  return { id, created: true }
}

/**
 * Removes what the purge asks for, in this transaction; the worker's next sweep unlinks the objects.
 * @throws StoreError not_found, self_approval, not_recalled, purged, purge_not_granted
 */
export async function confirmPurge(tx: Transaction, actor: Actor, id: string): Promise<void> {
  const person = personOf(actor)
  const [purge] = await tx.$queryRaw<{ digest: string; recallId: string; feedId: string; reach: string[] }[]>`
    select p.digest, p.recall_id as "recallId", r.feed_id as "feedId", purge_reach(p.digest) as reach
    from purge p join recall r on r.id = p.recall_id where p.id = ${id}::uuid`
  if (purge === undefined) throw new StoreError('not_found', `there is no purge ${id}`)
  const { digest, recallId, feedId, reach } = purge
  const held = await tx.$queryRaw<{ id: string; digest: string; tags: string[] }[]>`
    select m.repository_id as id, m.digest,
      array(select t.name from tag t where t.repository_id = m.repository_id and t.digest = m.digest order by t.name) as tags
    from repository_manifest m where m.digest = any (${reach}) order by m.repository_id, m.digest`
  const repositories = [...new Set(held.map((one) => one.id))]
  const entryId = await appendEntry(tx, {
    type: 'digest.purged',
    actor: actorOf(actor),
    subjects: [
      `purge:${id}`,
      `digest:${digest}`,
      `recall:${recallId}`,
      `feed:${feedId}`,
      // An entry has 64 KiB at most; its payload names them all.
      ...repositories.slice(0, SUBJECTS).map((repository) => `repository:${repository}`),
    ],
    payload: { manifests: held },
  })
  await tx.$executeRaw`select confirm_purge(${id}::uuid, ${person}::uuid, ${entryId}::uuid)`
}

const SUBJECTS = 100

function personOf({ personId }: Actor): string {
  if (personId !== null) return personId
  throw new StoreError('purge_not_granted', 'robots neither open nor confirm a purge; two persons do')
}

/** The newest first. @throws StoreError invalid (after) */
export async function listPurges(tx: Transaction, filter: PurgeFilter): Promise<Paged<PurgeView>> {
  const { digest, limit, visibleFeedIds } = filter
  const where = [Prisma.sql`true`]
  if (visibleFeedIds !== null) where.push(Prisma.sql`r.feed_id = any (${[...visibleFeedIds]}::uuid[])`)
  if (digest !== undefined) {
    where.push(Prisma.sql`(p.digest = ${digest}
      or p.id in (select t.purge_id from tombstone t where t.digest = ${digest}))`)
  }
  if (filter.after != null) {
    if (!isId(filter.after)) {
      throw new StoreError('invalid', 'after is the next of an earlier page', { field: 'after' })
    }
    where.push(
      Prisma.sql`(p.opened_at, p.id) < (select a.opened_at, a.id from purge a where a.id = ${filter.after}::uuid)`,
    )
  }
  const rows = await tx.$queryRaw<{ id: string }[]>`
    select p.id from purge p join recall r on r.id = p.recall_id
    where ${Prisma.join(where, ' and ')} order by p.opened_at desc, p.id desc limit ${limit + 1}`
  const { items, next } = paged(
    rows.map(({ id }) => id),
    limit,
    (id) => id,
  )
  return { items: await readPurges(tx, items), next }
}

interface Row {
  readonly id: string
  readonly digest: string
  readonly recall: string
  readonly feed: string
  readonly reason: string
  readonly openedBy: string
  readonly openedAt: Date
  readonly confirmedBy: string | null
  readonly confirmedAt: Date | null
  readonly digests: readonly string[]
}

/** In the order of the ids. */
export async function readPurges(tx: Transaction, ids: readonly string[]): Promise<PurgeView[]> {
  const rows = await tx.$queryRaw<Row[]>`
    select p.id, p.digest, p.recall_id as recall, coalesce(n.name, r.feed_id::text) as feed, p.reason,
      p.opened_by as "openedBy", p.opened_at as "openedAt", p.confirmed_by as "confirmedBy", p.confirmed_at as "confirmedAt",
      array(select t.digest from tombstone t where t.purge_id = p.id and t.same_as is null order by t.digest <> p.digest, t.digest) as digests
    from purge p join recall r on r.id = p.recall_id left join feed_name n on n.feed_id = r.feed_id and n.is_current
    where p.id = any (${[...ids]}::uuid[])`
  const names = await principalNames(
    tx,
    rows.flatMap(({ openedBy, confirmedBy }) => [openedBy, ...(confirmedBy === null ? [] : [confirmedBy])]),
  )
  const name = (id: string) => names.get(id) ?? id
  return ids.flatMap((id) => {
    const row = rows.find((one) => one.id === id)
    if (row === undefined) return []
    const { openedBy, openedAt, confirmedBy, confirmedAt, digests, ...rest } = row
    const confirmed =
      confirmedBy === null || confirmedAt === null
        ? null
        : { by: name(confirmedBy), at: confirmedAt.toISOString(), digests }
    return { ...rest, openedBy: name(openedBy), openedAt: openedAt.toISOString(), confirmed }
  })
}
