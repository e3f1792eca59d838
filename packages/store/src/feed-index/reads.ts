import {
  type Feed,
  FeedError,
  type FeedIndex,
  type Listing,
  type Page,
  type ReferrerFilter,
  type Referrers,
  type RepositoryAddress,
  type StoredManifest,
} from '@sluice/feed'
import { type Descriptor, isDigest, OCI_INDEX, OCI_MANIFEST } from '@sluice/oci'
import type pg from 'pg'
import { ManifestCache } from './manifest-cache.ts'
import { goneFrom } from './tombstone.ts'
import { releaseFor, VERSION_NAMES, virtualBeside } from './virtual.ts'

type Reads = Pick<FeedIndex, 'findFeed' | 'findManifest' | 'listTags' | 'listReferrers' | 'listRepositories'>

/** The reads of `/v2`: prepared statements, one each but for virtual tags; nothing cached but manifests by digest. */
export function feedReads(pool: pg.Pool): Reads {
  const cache = new ManifestCache()

  async function stored(address: RepositoryAddress, reference: string): Promise<StoredManifest | null> {
    const cached = isDigest(reference) ? cache.get(reference) : undefined
    const { rows } = await pool.query<StoredManifest & { bytes: Buffer | null; recall: string | null }>(
      isDigest(reference)
        ? {
            name: 'manifest_by_digest',
            text: BY_DIGEST,
            values: [...at(address), reference, cached === undefined],
          }
        : { name: 'manifest_by_tag', text: BY_TAG, values: [...at(address), reference] },
    )
    const row = rows[0]
    const bytes = row && (row.bytes ?? cached)
    if (!bytes) return null
    if (row.recall !== null) throw await withheld(pool, row.digest, row.recall)
    cache.set(row.digest, bytes)
    return { digest: row.digest, mediaType: row.mediaType, bytes }
  }

  return {
    async findFeed(name) {
      const { rows } = await pool.query<Feed>({ name: 'feed_find', text: FIND_FEED, values: [name] })
      return rows[0] ?? null
    },

    async findManifest(address, reference) {
      const found = await stored(address, reference)
      if (found !== null) return found
      if (isDigest(reference)) {
        const gone = await goneFrom(pool, address, reference)
        if (gone !== null) throw gone
        return null
      }
      const { feed, repository } = address
      const ask = async <Row>(text: string, values: readonly unknown[]) =>
        (await pool.query<Row & pg.QueryResultRow>({ name: 'tags_behind', text, values: [...values] })).rows
      const release = await releaseFor(ask, { feedId: feed.id, repository, tag: reference })
      return release === null ? null : stored(address, release)
    },

    async listTags(address, { limit, last }) {
      const values = [...at(address), last ?? '', limit + 1, VERSION_NAMES]
      const { rows } = await pool.query<TagsRow>({ name: 'tags_list', text: LIST_TAGS, values })
      return rows[0] ? listing(withVirtual(rows[0], last ?? '', limit), limit) : null
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

async function withheld(pool: pg.Pool, digest: string, recallId: string): Promise<FeedError> {
  const { rows } = await pool.query<{ digest: string; feed: string; reason: string }>(
    `select r.digest, n.name as feed, r.reason from recall r join feed_name n on n.feed_id = r.feed_id and n.is_current
     where r.id = $1`,
    [recallId],
  )
  const { feed, reason, digest: recalled } = rows[0]!
  const what = recalled === digest ? digest : `${recalled}, which is part of ${digest},`
  return new FeedError('DENIED', `${what} was recalled from ${feed}: ${reason}`, {
    detail: { digest, recalled, feed, reason },
  })
}

function at({ feed, repository }: RepositoryAddress): [string, string] {
  return [feed.id, repository]
}

/** One row more than the page was asked for: that is how "more" is known. */
function listing(names: readonly string[], limit: number): Listing {
  return { names: names.slice(0, limit), more: names.length > limit }
}

interface TagsRow {
  /** A page and one more. */
  names: readonly string[]
  /** Where tags are versions: what the virtual tags are computed from. */
  versions: readonly string[] | null
}

/** The page with the virtual tags that fall into it, in ASCII order. */
function withVirtual({ names, versions }: TagsRow, last: string, limit: number): readonly string[] {
  if (versions === null) return names
  const end = names.length > limit ? names.at(-1) : undefined
  const virtual = [...virtualBeside(versions).keys()].filter(
    (name) => name > last && (end === undefined || name < end),
  )
  return virtual.length === 0 ? names : [...names, ...virtual].sort()
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

const FIND_FEED = `
  select f.id, c.name, f.trusted, case when f.kind = 'remote' then remote_address(f.id) end as elsewhere
  from feed_name n
  join feed f on f.id = n.feed_id and f.deleted_at is null
  join feed_name c on c.feed_id = f.id and c.is_current
  where n.name = $1`

// What stands against a manifest is only looked for while anything is recalled at all.
const RECALL = `case when exists (select from recall where lifted_at is null) then recall_of($1, rm.digest) end as recall`

const BY_DIGEST = `
  select rm.digest, rm.media_type as "mediaType", case when $4::boolean then m.bytes end as bytes, ${RECALL}
  from repository r
  join repository_manifest rm on rm.repository_id = r.id and rm.digest = $3
  join manifest m on m.digest = rm.digest
  where r.feed_id = $1 and r.name = $2`

const BY_TAG = `
  select rm.digest, rm.media_type as "mediaType", m.bytes, ${RECALL}
  from repository r
  join tag t on t.repository_id = r.id and t.name = $3
  join repository_manifest rm on rm.repository_id = r.id and rm.digest = t.digest
  join manifest m on m.digest = rm.digest
  where r.feed_id = $1 and r.name = $2`

const LIST_TAGS = `
  select array(select t.name from tag t where t.repository_id = r.id and t.name > $3 order by t.name limit $4) as names,
    case when f.tag_rules -> 'versions' = 'true'
      then array(select t.name from tag t where t.repository_id = r.id and t.name ~ $5
        and not (exists (select from recall where lifted_at is null) and t.name like '%.%.%' and recalled(f.id, t.digest))) end as versions
  from repository r join feed f on f.id = r.feed_id where r.feed_id = $1 and r.name = $2`

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
  from repository r join feed f on f.id = r.feed_id and f.kind = 'hosted'
    join feed_name n on n.feed_id = r.feed_id and n.is_current
  where r.feed_id = any ($1) and (n.name || '/' || r.name) collate "C" > $2
    and (exists (select from repository_manifest m where m.repository_id = r.id)
      or exists (select from repository_blob b where b.repository_id = r.id))
  order by (n.name || '/' || r.name) collate "C" limit $3`
