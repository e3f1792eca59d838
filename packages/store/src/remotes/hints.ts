import type pg from 'pg'
import { exclusively } from '../collect/exclusive.ts'
import { StoreError } from '../errors.ts'
import type { FeedView } from '../feeds/find.ts'
import { askForRepositories } from '../referrers/due.ts'
import { sqlTransaction } from '../transaction.ts'
import type { Compared } from './compare.ts'
import type { Connected } from './connect.ts'
import { nameThere } from './connect.ts'
import { compareNow, type Hint, hinted } from './now.ts'

/** Of one feed that wait; beyond them a repository is looked at as a whole. */
const WAITING_LIMIT = 1_000
/** At a time. */
const BATCH = 500

/**
 * Notes where a registry says that something changed, for whichever worker is there. What it says of repositories that
 * the feed does not know is not kept, so that nobody fills the table. Of an untrusted feed, what came by promotions out of
 * these repositories is looked at for what may follow it.
 */
export async function noteHints(
  pool: pg.Pool,
  { id: feedId, trusted }: Pick<FeedView, 'id' | 'trusted'>,
  hints: readonly Hint[],
): Promise<void> {
  const { rows } = await pool.query<{ name: string; prefix: string }>(
    `select r.name, x.prefix from feed_remote x join repository r on r.feed_id = x.feed_id where x.feed_id = $1`,
    [feedId],
  )
  const there = new Map(rows.map(({ name, prefix }) => [nameThere({ prefix }, name), name]))
  const known = hints.filter(({ repository }) => there.has(repository))
  if (known.length === 0) return
  if (!trusted) {
    const names = new Set(known.map(({ repository }) => there.get(repository) ?? ''))
    return askForRepositories(pool, feedId, [...names])
  }
  await sqlTransaction(pool, async (client) => {
    const { rows: waiting } = await client.query<{ count: number }>(
      'select count(*)::int as count from remote_hint where feed_id = $1',
      [feedId],
    )
    const full = (waiting[0]?.count ?? 0) >= WAITING_LIMIT
    await client.query(
      `insert into remote_hint (feed_id, repository, tag)
       select distinct $1::uuid, h.repository, h.tag from unnest($2::text[], $3::text[]) h (repository, tag) order by 2, 3
       on conflict (feed_id, repository, tag) do update set at = now(), due_at = now()`,
      [feedId, known.map(({ repository }) => repository), known.map(({ tag }) => (full ? '' : (tag ?? '')))],
    )
  })
}

interface Waiting {
  readonly feedId: string
  readonly repository: string
  readonly tag: string
  readonly at: Date
}

/**
 * Looks where registries said that something changed, and forgets it when that is compared; one worker does. What a
 * registry does not answer is looked at again, less and less often, for a day: the schedule looks at everything.
 * @param told of a feed whose registry could not be asked
 */
export async function followHints(
  pool: pg.Pool,
  connect: (feedId: string) => Promise<Connected | null>,
  told: (feedId: string, error: StoreError) => void,
): Promise<Compared> {
  const sum = { raised: 0, resolved: 0 }
  await exclusively(pool, 'sluice hints', async () => {
    const { rows } = await pool.query<Waiting>(
      `select feed_id as "feedId", repository, tag, at from remote_hint where due_at <= now() order by due_at limit ${BATCH}`,
    )
    for (const feedId of new Set(rows.map((row) => row.feedId))) {
      const own = rows.filter((row) => row.feedId === feedId)
      try {
        const registry = await connect(feedId)
        if (registry !== null) {
          const hints = own.map(({ repository, tag }) => ({ repository, tag: tag === '' ? null : tag }))
          const { raised, resolved } = await compareNow(pool, registry, await hinted(pool, registry, hints))
          sum.raised += raised
          sum.resolved += resolved
        }
        await settle(pool, own, FORGET)
      } catch (error) {
        if (!(error instanceof StoreError)) throw error
        told(feedId, error)
        await settle(pool, own, LATER)
        await pool.query(OVER)
      }
    }
  })
  return sum
}

const OWN = `
  unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]) o (feed_id, repository, tag, at)
  where h.feed_id = o.feed_id and h.repository = o.repository and h.tag = o.tag and h.at = o.at`

/** Said again meanwhile, it stays. */
const FORGET = `delete from remote_hint h using ${OWN}`
const LATER = `update remote_hint h set due_at = now() + greatest(interval '5 seconds', now() - h.at) from ${OWN}`
const OVER = `delete from remote_hint where at < now() - interval '1 day'`

async function settle(pool: pg.Pool, rows: readonly Waiting[], statement: string): Promise<void> {
  await pool.query(statement, [
    rows.map(({ feedId }) => feedId),
    rows.map(({ repository }) => repository),
    rows.map(({ tag }) => tag),
    rows.map(({ at }) => at),
  ])
}
