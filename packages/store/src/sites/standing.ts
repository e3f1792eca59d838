/** Who reads: what it sees of sites and of what runs in them. */
export interface Reader {
  /** A role that reads everything. */
  readonly whole: boolean
  /** The feeds that it may pull from. */
  readonly feedIds: readonly string[]
  /** The sites that it reports for, whose whole report it sees. */
  readonly siteIds: readonly string[]
}

/**
 * - `recalled`: a recall stands against it, against an image in it, or against an index that it is part of.
 * - `admitted`: it was let into a trusted feed.
 * - `not-admitted`: a feed has it, and no trusted one let it in.
 * - `unknown`: no feed has it.
 *
 * Each as far as the reader sees feeds.
 */
export type Standing = 'recalled' | 'admitted' | 'not-admitted' | 'unknown'

/** The first three parameters of a statement that begins with {@link STANDING}. */
export const readerValues = ({ whole, feedIds, siteIds }: Reader): unknown[] => [whole, feedIds, siteIds]

/**
 * Common table expressions over the rows of `picked` (site_id, digest), which is given: `held` and `withdrawn` by
 * reported digest, for the reader in $1 to $3. Recalls are few, so what they reach is computed from them.
 */
export const STANDING = (picked: string): string => `
  with recursive picked as (${picked}),
  reported as (select distinct digest from picked),
  named (reported, digest) as (
    select digest, digest from reported
    union
    select r.digest, e.parent_digest from reported r join manifest_edge e on e.child_digest = r.digest and e.kind = 'config'),
  held as (
    select n.reported, bool_or(f.trusted and m.admission_id is not null) as admitted,
      array_agg(distinct m.repository_id) as repositories
    from named n join repository_manifest m on m.digest = n.digest join repository r on r.id = m.repository_id
      join feed f on f.id = r.feed_id and f.deleted_at is null
    where $1 or f.id = any ($2::uuid[]) group by n.reported),
  standing_recall as (
    select id, digest from recall where lifted_at is null and ($1 or feed_id = any ($2::uuid[]))),
  below (recall_id, digest) as (
    select id, digest from standing_recall
    union
    select b.recall_id, e.child_digest from below b
      join manifest_edge e on e.parent_digest = b.digest and e.kind in ('manifest', 'config')),
  above (recall_id, digest) as (
    select id, digest from standing_recall
    union
    select a.recall_id, e.parent_digest from above a
      join manifest_edge e on e.child_digest = a.digest and e.kind = 'manifest'),
  withdrawn as (
    select distinct on (digest) digest, recall_id
    from (
      select recall_id, digest from below
      union
      select a.recall_id, a.digest from above a where $1 or exists (
        select from repository_manifest m join repository r on r.id = m.repository_id
        where m.digest = a.digest and r.feed_id = any ($2::uuid[]))) w
    order by digest, recall_id),
  judged as (
    select p.*, h.repositories, w.recall_id,
      case when w.recall_id is not null then 'recalled' when h.admitted then 'admitted'
        when h.reported is not null then 'not-admitted' else 'unknown' end as standing
    from picked p left join held h on h.reported = p.digest left join withdrawn w on w.digest = p.digest
    where $1 or p.site_id = any ($3::uuid[]) or h.reported is not null or w.recall_id is not null)`
