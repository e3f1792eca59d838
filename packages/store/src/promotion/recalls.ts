import { type Actor, actorOf } from '../actor.ts'
import { appendEntry } from '../audit/entry.ts'
import { StoreError } from '../errors.ts'
import { Prisma } from '../generated/client.ts'
import { newId } from '../id.ts'
import { type Page, type Paged, paged } from '../page.ts'
import type { Transaction } from '../transaction.ts'
import { cursor } from './list.ts'
import { principalNames } from './names.ts'
import { recalledRunning, type Where } from '../sites/where.ts'

export interface NewRecall {
  /** A manifest that was let into the feed: an image, an index, or an image of an index. */
  readonly digest: string
  readonly feedId: string
  readonly reason: string
}

/** One withdrawal, as `GET /recalls` answers it. */
export interface RecallView {
  readonly id: string
  readonly feed: string
  readonly digest: string
  readonly reason: string
  readonly by: string
  readonly at: string
  /** When a restore undid it, and by which request; null while it stands. */
  readonly lifted: { readonly at: string; readonly request: string } | null
  /** Where images are that it reaches: itself and what contains it, in its feed and those after it. */
  readonly places: readonly {
    readonly feed: string
    readonly repository: string
    readonly digest: string
    readonly tags: readonly string[]
  }[]
  /** The sites that run what it reaches now, or an image of an index that it reaches. */
  readonly running: readonly Where[]
}

export interface RecallFilter extends Page {
  readonly feedId?: string | undefined
  readonly digest?: string | undefined
  /** Recalls in, and places in, other feeds are not there. */
  readonly visibleFeedIds: readonly string[]
}

/**
 * Withdraws a manifest from a trusted feed and those after it: from this commit on it is not pulled and
 * not promoted, and neither is what contains it.
 * @throws StoreError digest_unknown, invalid, and Postgres's recall_not_granted
 */
export async function createRecall(
  tx: Transaction,
  actor: Actor,
  { digest, feedId, reason }: NewRecall,
): Promise<{ id: string; created: boolean }> {
  if (reason.trim() === '') throw new StoreError('invalid', 'a recall says why', { field: 'reason' })
  await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended(${`recall ${feedId} ${digest}`}, 0))`
  const [standing] = await tx.$queryRaw<{ id: string }[]>`
    select id from recall where feed_id = ${feedId}::uuid and digest = ${digest} and lifted_at is null`
  if (standing !== undefined) return { id: standing.id, created: false }
  const held = await tx.$queryRaw<{ repositoryId: string; tags: string[] }[]>`
    select r.id as "repositoryId",
      array(select t.name from tag t where t.repository_id = r.id and t.digest = m.digest order by t.name) as tags
    from repository r join repository_manifest m on m.repository_id = r.id
      join feed f on f.id = r.feed_id and f.trusted
    where r.feed_id = ${feedId}::uuid and m.digest = ${digest} order by r.id`
  if (held.length === 0) {
    throw new StoreError('digest_unknown', `${digest} was never let into this feed`, { field: 'digest' })
  }
  const id = newId()
  const entryId = await appendEntry(tx, {
    type: 'digest.recalled',
    actor: actorOf(actor),
    subjects: [
      `recall:${id}`,
      `digest:${digest}`,
      `feed:${feedId}`,
      ...held.map(({ repositoryId }) => `repository:${repositoryId}`),
    ],
    payload: { reason, repositories: held.map(({ repositoryId, tags }) => ({ id: repositoryId, tags })) },
  })
  await tx.$executeRaw`
    insert into recall (id, feed_id, digest, reason, recalled_by, entry_id)
    values (${id}::uuid, ${feedId}::uuid, ${digest}, ${reason}, ${actor.principalId}::uuid, ${entryId}::uuid)`
  return { id, created: true }
}

/** The newest first. @throws StoreError invalid (after) */
export async function listRecalls(tx: Transaction, filter: RecallFilter): Promise<Paged<RecallView>> {
  const { feedId, digest, limit, visibleFeedIds } = filter
  const where = [Prisma.sql`feed_id = any (${[...visibleFeedIds]}::uuid[])`]
  if (feedId !== undefined) where.push(Prisma.sql`feed_id = ${feedId}::uuid`)
  if (digest !== undefined) where.push(Prisma.sql`digest = ${digest}`)
  if (filter.after != null) {
    const after = cursor(filter.after)
    where.push(Prisma.sql`(at, id) < (select a.at, a.id from recall a where a.id = ${after}::uuid)`)
  }
  const rows = await tx.$queryRaw<{ id: string }[]>`
    select id from recall where ${Prisma.join(where, ' and ')} order by at desc, id desc limit ${limit + 1}`
  const { items: ids, next } = paged(
    rows.map(({ id }) => id),
    limit,
    (id) => id,
  )
  return { items: await readRecalls(tx, ids, visibleFeedIds), next }
}

interface Row {
  readonly id: string
  readonly feed: string
  readonly digest: string
  readonly reason: string
  readonly recalledBy: string
  readonly at: Date
  readonly liftedAt: Date | null
  readonly request: string | null
}

/** In the order of the ids; places in the feeds given, or in all. */
export async function readRecalls(
  tx: Transaction,
  ids: readonly string[],
  visibleFeedIds: readonly string[] | null = null,
): Promise<RecallView[]> {
  const rows = await tx.$queryRaw<Row[]>`
    select c.id, coalesce(n.name, c.feed_id::text) as feed, c.digest, c.reason, c.recalled_by as "recalledBy", c.at,
      c.lifted_at as "liftedAt", p.request_id as request
    from recall c left join feed_name n on n.feed_id = c.feed_id and n.is_current
      left join promotion p on p.id = c.lifted_by
    where c.id = any (${[...ids]}::uuid[])`
  const visible = visibleFeedIds === null ? null : [...visibleFeedIds]
  const places = await tx.$queryRaw<(RecallView['places'][number] & { recallId: string })[]>`
    with recursive reached (recall_id, feed_id, digest) as (
      select c.id, c.feed_id, c.digest from recall c where c.id = any (${[...ids]}::uuid[])
      union
      select d.recall_id, d.feed_id, e.parent_digest
      from reached d join manifest_edge e on e.child_digest = d.digest and e.kind = 'manifest')
    select d.recall_id as "recallId", n.name as feed, r.name as repository, d.digest,
      array(select t.name from tag t where t.repository_id = r.id and t.digest = d.digest order by t.name) as tags
    from reached d join repository_manifest m on m.digest = d.digest join repository r on r.id = m.repository_id
      join feed_name n on n.feed_id = r.feed_id and n.is_current
    where d.feed_id in (select feeds_above(r.feed_id)) and (${visible}::uuid[] is null or r.feed_id = any (${visible}::uuid[]))
    order by n.name, r.name collate "C", d.digest`
  const names = await principalNames(
    tx,
    rows.map(({ recalledBy }) => recalledBy),
  )
  const running = await recalledRunning(tx, ids, visibleFeedIds)
  return ids.flatMap((id) => {
    const row = rows.find((one) => one.id === id)
    if (row === undefined) return []
    const { feed, digest, reason, recalledBy, at, liftedAt, request } = row
    return {
      id,
      feed,
      digest,
      reason,
      by: names.get(recalledBy) ?? recalledBy,
      at: at.toISOString(),
      lifted: liftedAt === null || request === null ? null : { at: liftedAt.toISOString(), request },
      places: places
        .filter(({ recallId }) => recallId === id)
        .map(({ feed: where, repository, digest: image, tags }) => ({
          feed: where,
          repository,
          digest: image,
          tags,
        })),
      running: running.get(id) ?? [],
    }
  })
}
