import { VERSION_NAMES, virtualBeside } from '../feed-index/virtual.ts'
import type { Transaction } from '../transaction.ts'
import { type AdmissionView, readAdmissions } from './admissions.ts'
import { principalNames } from './names.ts'
import { readStanding, type StandingRecallView } from './recalled.ts'

/** Where a digest is, as `GET /digests/{digest}` answers it. */
export interface DigestView {
  readonly digest: string
  readonly mediaType: string
  /** Bytes of the manifest itself. */
  readonly size: number
  readonly locations: readonly {
    readonly feed: string
    /** Of a remote feed: `HOST[:PORT][/PREFIX]`, where clients get its images; null: here. */
    readonly address: string | null
    readonly repository: string
    readonly tags: readonly string[]
    /** Those that the feed itself keeps on it now. */
    readonly virtualTags: readonly string[]
    readonly pushedAt: string
    /** Null in a trusted feed: there `admission` says who. */
    readonly pushedBy: string | null
    readonly admission: AdmissionView | null
    /** Why it may not be pulled from here any more. */
    readonly recall: StandingRecallView | null
  }[]
  /** Indexes that it is part of, also through others: what a recall of it reaches beside itself. */
  readonly containedIn: readonly Container[]
}

interface Container {
  readonly feed: string
  readonly repository: string
  readonly digest: string
  readonly tags: readonly string[]
}

interface Row {
  readonly feed: string
  readonly address: string | null
  readonly repository: string
  readonly mediaType: string
  readonly size: number
  readonly tags: readonly string[]
  /** Where tags are versions: what the virtual ones are computed from. */
  readonly versions: readonly string[] | null
  readonly pushedAt: Date
  readonly pushedBy: string | null
  readonly admissionId: string | null
  readonly recallId: string | null
}

/** Indexes shown of those that a manifest is part of. */
const CONTAINERS = 200

/** Every place of a manifest in the feeds given; null when it is in none of them. */
export async function findDigest(
  tx: Transaction,
  digest: string,
  visibleFeedIds: readonly string[],
): Promise<DigestView | null> {
  const rows = await tx.$queryRaw<Row[]>`
    select n.name as feed, case when f.kind = 'remote' then remote_address(f.id) end as address, r.name as repository, m.media_type as "mediaType", octet_length(b.bytes) as size,
      array(select t.name from current_tag t where t.repository_id = r.id and t.digest = m.digest order by t.name) as tags,
      case when f.tag_rules -> 'versions' = 'true' then array(select t.name from tag t
        where t.repository_id = r.id and t.name ~ ${VERSION_NAMES} 
          and not (exists (select from recall where lifted_at is null) and t.name like '%.%.%' and recalled(r.feed_id, t.digest))) end as versions,
      m.pushed_at as "pushedAt", m.pushed_by as "pushedBy", m.admission_id as "admissionId",
      recall_of(r.feed_id, m.digest) as "recallId"
    from repository_manifest m join manifest b on b.digest = m.digest join repository r on r.id = m.repository_id
      join feed f on f.id = r.feed_id join feed_name n on n.feed_id = r.feed_id and n.is_current
    where m.digest = ${digest} and r.feed_id = any (${[...visibleFeedIds]}::uuid[])
    order by n.name, r.name collate "C"`
  const [first] = rows
  if (first === undefined) return null
  const admissions = await readAdmissions(
    tx,
    rows.flatMap(({ admissionId }) => admissionId ?? []),
  )
  const names = await principalNames(
    tx,
    rows.flatMap(({ pushedBy }) => pushedBy ?? []),
  )
  const recalls = await readStanding(
    tx,
    rows.flatMap(({ recallId }) => recallId ?? []),
  )
  const containedIn = await tx.$queryRaw<Container[]>`
    with recursive above (digest) as (
      select e.parent_digest from manifest_edge e where e.child_digest = ${digest} and e.kind = 'manifest'
      union
      select e.parent_digest from above a join manifest_edge e on e.child_digest = a.digest and e.kind = 'manifest')
    select n.name as feed, r.name as repository, a.digest,
      array(select t.name from current_tag t where t.repository_id = r.id and t.digest = a.digest order by t.name) as tags
    from above a join repository_manifest m on m.digest = a.digest join repository r on r.id = m.repository_id
      join feed_name n on n.feed_id = r.feed_id and n.is_current
    where r.feed_id = any (${[...visibleFeedIds]}::uuid[])
    order by n.name, r.name collate "C", a.digest limit ${CONTAINERS}`
  return {
    digest,
    containedIn,
    mediaType: first.mediaType,
    size: first.size,
    locations: rows.map(
      ({ feed, address, repository, tags, versions, pushedAt, pushedBy, admissionId, recallId }) => ({
        feed,
        address,
        repository,
        tags,
        virtualTags: [...virtualBeside(versions ?? [])]
          .filter(([, release]) => tags.includes(release))
          .map(([name]) => name),
        pushedAt: pushedAt.toISOString(),
        pushedBy: pushedBy === null ? null : (names.get(pushedBy) ?? null),
        admission: admissionId === null ? null : (admissions.get(admissionId) ?? null),
        recall: recallId === null ? null : (recalls.get(recallId) ?? null),
      }),
    ),
  }
}
