import {
  type FeedIndex,
  type Listing,
  type Page,
  type ReferrerFilter,
  type Referrers,
  type RepositoryAddress,
  type TagListing,
  tagListing,
} from '@sluice/feed'
import { type Descriptor, OCI_INDEX, OCI_MANIFEST } from '@sluice/oci'
import type pg from 'pg'
import { VERSION_NAMES, virtualBeside } from './virtual.ts'

type Lists = Pick<FeedIndex, 'listTags' | 'listReferrers' | 'listRepositories'>

/** The lists of `/v2`: one prepared statement each, nothing cached. */
export function feedLists(pool: pg.Pool): Lists {
  return {
    async listTags(address, { limit, last }) {
      const values = [...at(address), last ?? '', limit + 1, VERSION_NAMES]
      const { rows } = await pool.query<TagsRow>({ name: 'tags_list', text: LIST_TAGS, values })
      return rows[0] ? tagsOf(rows[0], last ?? '', limit) : null
    },

    async listReferrers(
      address,
      subject,
      { artifactType, limit, afterDigest }: ReferrerFilter,
    ): Promise<Referrers> {
      const values = [
        ...at(address),
        subject,
        artifactType,
        afterDigest ?? '',
        limit + 1,
        [OCI_MANIFEST, OCI_INDEX],
      ]
      const { rows } = await pool.query<ReferrerRow>({ name: 'referrers_list', text: LIST_REFERRERS, values })
      return { descriptors: rows.slice(0, limit).map(descriptorOf), more: rows.length > limit }
    },

    async listRepositories(feedIds, { limit, last }: Page) {
      const { rows } = await pool.query<{ name: string }>({
        name: 'repositories_list',
        text: LIST_REPOSITORIES,
        values: [feedIds, last ?? '', limit + 1],
      })
      return listing(
        rows.map(({ name }) => name),
        limit,
      )
    },
  }
}

function at({ feed, repository }: RepositoryAddress): [string, string] {
  return [feed.id, repository]
}

/** One row more than the page was asked for: that is how "more" is known. */
function listing(names: readonly string[], limit: number): Listing {
  return { names: names.slice(0, limit), more: names.length > limit }
}

interface TagsRow {
  /** A page and one more, as an array in JSON without its brackets; null where there is none. */
  names: string | null
  count: number
  /** Where tags are versions: what the virtual tags are computed from. */
  versions: readonly string[] | null
}

/** The page as Postgres wrote it, unless virtual tags fall into it. */
function tagsOf({ names, count, versions }: TagsRow, last: string, limit: number): TagListing {
  const more = count > limit
  const end = names?.lastIndexOf(',') ?? -1
  const virtual = versions === null ? [] : virtualBetween(versions, last, more ? named(names, end + 1) : null)
  if (virtual.length > 0) {
    const stored = names?.slice(1, -1).split('","') ?? []
    return tagListing(listing([...stored, ...virtual].sort(), limit))
  }
  const shown = more ? names?.slice(0, Math.max(end, 0)) : names
  if (!shown) return { json: '[]', last: null, more }
  return { json: `[${shown}]`, last: named(shown, shown.lastIndexOf(',') + 1), more }
}

/** The name that a text of names ends with; null of none. */
function named(names: string | null, at: number): string | null {
  return names === null ? null : names.slice(at + 1, -1)
}

/** @param end the first name of the next page; null on the last one */
function virtualBetween(versions: readonly string[], last: string, end: string | null): string[] {
  return [...virtualBeside(versions).keys()].filter((name) => name > last && (end === null || name < end))
}

interface ReferrerRow {
  digest: string
  mediaType: string
  size: number
  artifactType: string | null
  annotations: Record<string, string> | null
}

/** Distribution specification, "Listing Referrers". */
function descriptorOf({ digest, mediaType, size, artifactType, annotations }: ReferrerRow): Descriptor {
  return {
    mediaType,
    digest,
    size,
    ...(artifactType !== null && { artifactType }),
    ...(annotations && { annotations }),
  }
}

// As one text that is JSON already, which no tag's name can break: ten thousand as an array take `pg` longer than the
// database, and written by its functions for JSON the database twice as long.
const LIST_TAGS = `
  select '"' || page.names || '"' as names, page.count,
    case when f.tag_rules -> 'versions' = 'true'
      then to_json(array(select t.name from tag t where t.repository_id = r.id and t.name ~ $5
        and not (exists (select from recall where lifted_at is null) and t.name like '%.%.%' and recalled(f.id, t.digest)))) end as versions
  from repository r join feed f on f.id = r.feed_id, lateral (
    select string_agg(name, '","') as names, count(*)::int as count
    from (select t.name from tag t where t.repository_id = r.id and t.name > $3 order by t.name limit $4) t) page
  where r.feed_id = $1 and r.name = $2`

// Only under OCI's types has a manifest a subject; elsewhere the field is an unknown one.
const LIST_REFERRERS = `
  select m.digest, rm.media_type as "mediaType", octet_length(m.bytes) as size,
    m.artifact_type as "artifactType", m.annotations
  from repository r
  join repository_manifest rm on rm.repository_id = r.id
  join manifest m on m.digest = rm.digest
  where r.feed_id = $1 and r.name = $2 and m.subject_digest = $3
    and ($4::text is null or m.artifact_type = $4) and m.digest > $5 and rm.media_type = any ($7)
  order by m.digest limit $6`

const LIST_REPOSITORIES = `
  select n.name || '/' || r.name as name
  from repository r join feed f on f.id = r.feed_id and f.kind <> 'remote'
    join feed_name n on n.feed_id = r.feed_id and n.is_current
  where r.feed_id = any ($1) and (n.name || '/' || r.name) collate "C" > $2
    and (exists (select from repository_manifest m where m.repository_id = r.id)
      or exists (select from repository_blob b where b.repository_id = r.id))
  order by (n.name || '/' || r.name) collate "C" limit $3`
