import type { JsonObject } from '@sluice/proof'
import type pg from 'pg'
import { appendEntrySql, SYSTEM } from '../audit/entry.ts'
import { newId } from '../id.ts'
import { sqlTransaction } from '../transaction.ts'

/** What one tag of a registry was seen to name; null: nothing. */
export interface SeenTag {
  readonly repository: string
  readonly tag: string
  readonly digest: string | null
  /** What the registry calls that itself, where it differs; requests see the tag by it. */
  readonly called?: string | null
}

/** The tags that promotions have set in a trusted remote feed, with the time by which that was so. */
export interface Ledger {
  /** Taken before the registry is asked, by the clock of Postgres; `compare` needs it back. */
  readonly at: Date
  readonly tags: readonly (Omit<SeenTag, 'called'> & { readonly digest: string })[]
}

export interface Compared {
  readonly raised: number
  readonly resolved: number
}

/** @param repositories only of these */
export async function readLedger(
  pool: pg.Pool,
  feedId: string,
  repositories?: readonly string[],
): Promise<Ledger> {
  const { rows: now } = await pool.query<{ at: Date }>('select now() as at')
  const { rows } = await pool.query<Ledger['tags'][number]>(
    `select r.name as repository, t.name as tag, t.digest from tag t join repository r on r.id = t.repository_id
     join feed f on f.id = r.feed_id and f.trusted and f.kind = 'remote'
     where r.feed_id = $1 and ($2::text[] is null or r.name = any ($2)) order by r.name collate "C", t.name`,
    [feedId, repositories ?? null],
  )
  return { at: now[0]?.at ?? new Date(), tags: rows }
}

/**
 * Compares what a registry was seen to serve with what promotions put there, and raises, changes and resolves
 * alerts, each with its entry, in one transaction. Left alone: what a promotion that is under way is about to
 * set, what moved since `at`, what somebody has accepted just so, and tags that only carry signatures. Of an
 * untrusted feed nothing is expected, and only the observation is recorded.
 * @param seen of repositories that exist here, or that were promoted to
 */
export function compare(
  pool: pg.Pool,
  feedId: string,
  { at, seen }: { readonly at: Date; readonly seen: readonly SeenTag[] },
): Promise<Compared> {
  return sqlTransaction(pool, async (client) => {
    await client.query(`select pg_advisory_xact_lock(hashtextextended('sluice compare ' || $1::text, 0))`, [
      feedId,
    ])
    const once = [...new Map(seen.map((one) => [`${one.repository} ${one.tag}`, one])).values()]
    const values = [
      feedId,
      at,
      once.map(({ repository }) => repository),
      once.map(({ tag }) => tag),
      once.map(({ digest }) => digest),
      once.map(({ digest, called }) => called ?? digest),
    ]
    await client.query(RECORD, values)
    await client.query(FORGET, values)
    const { rows } = await client.query<Row>(COMPARE, values)
    let [raised, resolved] = [0, 0]
    for (const row of rows) {
      if (row.fits && row.alertId !== null) {
        await resolve(client, feedId, { ...row, alertId: row.alertId })
        resolved += 1
      } else if (!row.fits && row.alertId === null) {
        await raise(client, feedId, row)
        raised += 1
      } else if (!row.fits && row.alertId !== null) {
        await stillWrong(client, feedId, { ...row, alertId: row.alertId })
      }
    }
    return { raised, resolved }
  })
}

interface Row {
  readonly repositoryId: string
  readonly tag: string
  readonly expected: string | null
  readonly seen: string | null
  readonly fits: boolean
  /** The open alert, and what it says. */
  readonly alertId: string | null
  readonly saysExpected: string | null
  readonly saysSeen: string | null
}

const SEEN = `
  seen as (
    select r.id as repository_id, f.trusted, s.tag, s.digest, s.called
    from unnest($3::text[], $4::text[], $5::text[], $6::text[]) s (repository, tag, digest, called)
      join repository r on r.feed_id = $1 and r.name = s.repository join feed f on f.id = r.feed_id and f.kind = 'remote'
    where $2::timestamptz is not null)`

const RECORD = `
  with ${SEEN}
  insert into remote_tag (repository_id, name, digest)
    select repository_id, tag, called from seen where called is not null order by repository_id, tag
    on conflict (repository_id, name) do update set digest = excluded.digest`

const FORGET = `
  with ${SEEN}
  delete from remote_tag o using seen where o.repository_id = seen.repository_id and o.name = seen.tag and seen.digest is null`

const COMPARE = `
  with ${SEEN}
  select s.repository_id as "repositoryId", s.tag, t.digest as expected, s.digest as seen,
    t.digest is not distinct from s.digest as fits, a.id as "alertId", a.expected as "saysExpected", a.seen as "saysSeen"
  from seen s
    left join tag t on t.repository_id = s.repository_id and t.name = s.tag
    left join remote_alert a on a.repository_id = s.repository_id and a.tag = s.tag and a.resolved_at is null
  where s.trusted and not is_signature_tag(s.tag)
    and not exists (
      select from tag_move m where m.repository_id = s.repository_id and m.tag = s.tag and m.at >= $2)
    and (t.digest is not distinct from s.digest or (
      not exists (
        select from promotion p join request q on q.id = p.request_id join lane l on l.id = q.lane_id
          join request_item i on i.request_id = q.id
          join request_target g on g.request_id = i.request_id and g.position = i.position
          join repository r on r.id = s.repository_id and r.feed_id = l.to_feed_id and r.name = i.target_repository
        where p.state in ('QUEUED', 'RUNNING', 'ERRORED') and g.tag = s.tag and i.digest = s.digest)
      and not exists (
        select from remote_alert k
        where k.repository_id = s.repository_id and k.tag = s.tag and k.resolution = 'accepted'
          and k.expected is not distinct from t.digest and k.seen is not distinct from s.digest)))
  order by s.repository_id, s.tag`

const subjects = (feedId: string, alertId: string, { repositoryId, expected, seen }: Row): string[] => [
  `alert:${alertId}`,
  `feed:${feedId}`,
  `repository:${repositoryId}`,
  ...[expected, seen].flatMap((digest) => (digest === null ? [] : [`digest:${digest}`])),
]

const payload = ({ tag, expected, seen }: Row): JsonObject => ({ tag, expected, seen })

async function raise(client: pg.PoolClient, feedId: string, row: Row): Promise<void> {
  const id = newId()
  const entryId = await appendEntrySql(client, {
    type: 'alert.raised',
    actor: SYSTEM,
    subjects: subjects(feedId, id, row),
    payload: payload(row),
  })
  await client.query(
    `insert into remote_alert (id, repository_id, tag, expected, seen, entry_id) values ($1, $2, $3, $4, $5, $6)`,
    [id, row.repositoryId, row.tag, row.expected, row.seen, entryId],
  )
}

async function stillWrong(
  client: pg.PoolClient,
  feedId: string,
  row: Row & { readonly alertId: string },
): Promise<void> {
  if (row.expected !== row.saysExpected || row.seen !== row.saysSeen) {
    await appendEntrySql(client, {
      type: 'alert.changed',
      actor: SYSTEM,
      subjects: subjects(feedId, row.alertId, row),
      payload: payload(row),
    })
  }
  await client.query('update remote_alert set expected = $2, seen = $3, last_seen = now() where id = $1', [
    row.alertId,
    row.expected,
    row.seen,
  ])
}

async function resolve(
  client: pg.PoolClient,
  feedId: string,
  row: Row & { readonly alertId: string },
): Promise<void> {
  const entryId = await appendEntrySql(client, {
    type: 'alert.resolved',
    actor: SYSTEM,
    subjects: subjects(feedId, row.alertId, row),
    payload: { ...payload(row), resolution: 'restored' },
  })
  await client.query(
    `update remote_alert set resolved_at = now(), resolution = 'restored', resolved_entry_id = $2 where id = $1`,
    [row.alertId, entryId],
  )
}
