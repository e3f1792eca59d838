import {
  type Feed,
  FeedError,
  type FeedIndex,
  type ManifestFacts,
  type RepositoryAddress,
} from '@sluice/feed'
import { isDigest } from '@sluice/oci'
import type pg from 'pg'
import { gathered } from './gathered.ts'
import { ManifestCache } from './manifest-cache.ts'
import { goneFrom } from './tombstone.ts'
import { releaseFor } from './virtual.ts'

type Reads = Pick<FeedIndex, 'findFeed' | 'findManifest' | 'describeManifest'>

interface Question {
  readonly address: RepositoryAddress
  readonly reference: string
  readonly whole: boolean
}

interface Found extends ManifestFacts {
  /** Null where nobody asked for them. */
  readonly bytes: Uint8Array | null
}

interface Row {
  /** The question's place, from 1. */
  readonly place: number
  readonly digest: string
  readonly mediaType: string
  readonly size: number
  readonly bytes: Buffer | null
  readonly recall: string | null
}

/**
 * What every pull asks: what is asked together is one prepared statement. Membership, tags and recalls are read
 * every time; nothing is remembered but what cannot change, the bytes under a digest.
 */
export function manifestReads(pool: pg.Pool): Reads {
  const cache = new ManifestCache()
  const row = gathered(async (questions: readonly Question[]) => {
    const known = questions.map(({ address, reference, whole }) =>
      whole ? cache.digestBehind(placeOf(address, reference)) : null,
    )
    const { rows } = await pool.query<Row>({
      name: 'manifests_find',
      text: FIND_MANIFESTS,
      values: [
        questions.map(({ address }) => address.feed.id),
        questions.map(({ address }) => address.repository),
        questions.map(({ reference }) => reference),
        questions.map(({ whole }) => whole),
        known,
      ],
    })
    const found: (Row | null)[] = questions.map(() => null)
    for (const one of rows) found[one.place - 1] = one
    return found
  })
  const feed = gathered(async (names: readonly string[]) => {
    const asked = [...new Set(names)]
    const { rows } = await pool.query<Feed & { asked: string }>({
      name: 'feeds_find',
      text: FIND_FEEDS,
      values: [asked],
    })
    const byName = new Map(rows.map(({ asked: name, ...found }) => [name, found]))
    return names.map((name) => byName.get(name) ?? null)
  })

  async function stored(question: Question): Promise<Found | null> {
    const { address, reference, whole } = question
    const found = await row(question)
    if (found === null) return null
    const { digest, mediaType, size, recall } = found
    if (recall !== null) throw await withheld(pool, digest, recall)
    if (!whole) return { digest, mediaType, size, bytes: null }
    const bytes = found.bytes ?? cache.get(digest)
    // Known when it was asked, and pushed out of the cache since.
    if (bytes === undefined) return stored(question)
    cache.set(digest, bytes)
    cache.setBehind(placeOf(address, reference), digest)
    return { digest, mediaType, size, bytes }
  }

  async function find(address: RepositoryAddress, reference: string, whole: boolean): Promise<Found | null> {
    const found = await stored({ address, reference, whole })
    if (found !== null) return found
    if (isDigest(reference)) {
      const gone = await goneFrom(pool, address, reference)
      if (gone !== null) throw gone
      return null
    }
    const ask = async <One>(text: string, values: readonly unknown[]) =>
      (await pool.query<One & pg.QueryResultRow>({ name: 'tags_behind', text, values: [...values] })).rows
    const { feed: of, repository } = address
    const release = await releaseFor(ask, { feedId: of.id, repository, tag: reference })
    return release === null ? null : stored({ address, reference: release, whole })
  }

  return {
    findFeed: feed,

    async findManifest(address, reference) {
      const found = await find(address, reference, true)
      if (found?.bytes == null) return null
      return { digest: found.digest, mediaType: found.mediaType, bytes: found.bytes }
    },

    async describeManifest(address, reference) {
      const found = await find(address, reference, false)
      return found && { digest: found.digest, mediaType: found.mediaType, size: found.size }
    },
  }
}

const placeOf = ({ feed, repository }: RepositoryAddress, reference: string): string =>
  isDigest(reference) ? reference : `${feed.id}/${repository}:${reference}`

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

// Arrays come through `(select …)`: a planner that sees their length takes short ones for cheaper than the prepared plan,
// and plans anew at every call, which costs ten times what the statement does.
const FIND_FEEDS = `
  select n.name as asked, f.id, c.name, f.trusted, case when f.kind = 'remote' then remote_address(f.id) end as elsewhere,
    case when f.kind = 'proxy' then remote_address(f.id) end as upstream
  from unnest((select $1::text[])) as q (name)
  join feed_name n on n.name = q.name
  join feed f on f.id = n.feed_id and f.deleted_at is null
  join feed_name c on c.feed_id = f.id and c.is_current`

// A digest has a colon and no tag has. `lateral`: whatever the planner believes of the array's length, each question
// goes through the indexes. What stands against a manifest is only looked for while anything is recalled at all.
const FIND_MANIFESTS = `
  select q.place::int as place, f.digest, f.media_type as "mediaType", f.size, f.bytes,
    case when exists (select from recall where lifted_at is null) then recall_of(q.feed_id, f.digest) end as recall
  from unnest((select $1::uuid[]), (select $2::text[]), (select $3::text[]), (select $4::boolean[]), (select $5::text[]))
    with ordinality as q (feed_id, repository, reference, whole, known, place)
  cross join lateral (
    select rm.digest, rm.media_type, octet_length(m.bytes) as size,
      case when q.whole and rm.digest is distinct from q.known then m.bytes end as bytes
    from repository r
    join repository_manifest rm on rm.repository_id = r.id and rm.digest =
      case when strpos(q.reference, ':') > 0 then q.reference
        else (select t.digest from tag t where t.repository_id = r.id and t.name = q.reference) end
    join manifest m on m.digest = rm.digest
    where r.feed_id = q.feed_id and r.name = q.repository
    limit 1) as f`
