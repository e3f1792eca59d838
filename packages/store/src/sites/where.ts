import type pg from 'pg'
import type { Transaction } from '../transaction.ts'

/** A site that runs something, by the digest that it reported. */
export interface Where {
  readonly site: string
  readonly digest: string
  readonly since: string
}

type Row = Omit<Where, 'since'> & { readonly of: string; readonly since: Date }

/** Shown of one manifest or recall. */
const SHOWN = 50

/**
 * Where these manifests run now; those that run nowhere are not there. What was reported is a digest of theirs, or of an
 * index that contains them: these in the feeds given, or in all.
 */
export async function runningOf(
  pool: pg.Pool,
  digests: readonly string[],
  visibleFeedIds: readonly string[] | null,
): Promise<ReadonlyMap<string, readonly Where[]>> {
  const { rows } = await pool.query<Row>(
    `select w.digest as of, s.name as site, i.digest, i.began_at as since
     from unnest($1::text[]) w (digest) cross join lateral (
       select i.* from running_image i where i.ended_at is null and i.digest in (select runs_as(w.digest))
         and ($2::uuid[] is null or not exists (select from repository_manifest m where m.digest = i.digest) or exists (
           select from repository_manifest m join repository r on r.id = m.repository_id
           where m.digest = i.digest and r.feed_id = any ($2::uuid[])))
       order by i.id desc limit ${SHOWN}) i
       join site s on s.id = i.site_id
     order by s.name, i.digest`,
    [digests, visibleFeedIds],
  )
  return byWhat(rows)
}

/**
 * Where what these recalls reach runs now: itself, what it is made of, and the indexes that contain it, these in the
 * feeds given, or in all.
 */
export async function recalledRunning(
  tx: Transaction,
  ids: readonly string[],
  visibleFeedIds: readonly string[] | null,
): Promise<ReadonlyMap<string, readonly Where[]>> {
  const visible = visibleFeedIds === null ? null : [...visibleFeedIds]
  const rows = await tx.$queryRaw<Row[]>`
    with recursive below (recall_id, digest) as (
      select c.id, c.digest from recall c where c.id = any (${[...ids]}::uuid[]) and c.lifted_at is null
      union
      select b.recall_id, e.child_digest from below b
        join manifest_edge e on e.parent_digest = b.digest and e.kind in ('manifest', 'config')),
    above (recall_id, digest) as (
      select c.id, c.digest from recall c where c.id = any (${[...ids]}::uuid[]) and c.lifted_at is null
      union
      select a.recall_id, e.parent_digest from above a join manifest_edge e on e.child_digest = a.digest and e.kind = 'manifest'),
    reached as (
      select recall_id, digest from below
      union
      select a.recall_id, a.digest from above a where ${visible}::uuid[] is null or exists (
        select from repository_manifest m join repository r on r.id = m.repository_id
        where m.digest = a.digest and r.feed_id = any (${visible}::uuid[])))
    select d.recall_id::text as of, s.name as site, i.digest, i.began_at as since
    from reached d join running_image i on i.digest = d.digest and i.ended_at is null join site s on s.id = i.site_id
    order by s.name, i.digest`
  return byWhat(rows)
}

function byWhat(rows: readonly Row[]): ReadonlyMap<string, readonly Where[]> {
  const found = new Map<string, Where[]>()
  for (const { of, site, digest, since } of rows) {
    found.set(of, [...(found.get(of) ?? []), { site, digest, since: since.toISOString() }])
  }
  return found
}
