import type pg from 'pg'
import { StoreError } from '../errors.ts'

export interface Window {
  readonly since: Date
  readonly endsAt: Date
}

/** The window of this length, in ms, that a moment lies in: the same for every replica. */
export function windowAt(now: number, ms: number): Window {
  const since = Math.floor(now / ms) * ms
  return { since: new Date(since), endsAt: new Date(since + ms) }
}

/** Adds to counters that all replicas share; answers what they stand at. */
export async function addToRates(
  pool: pg.Pool,
  keys: readonly string[],
  { since, by }: { since: Date; by: number },
): Promise<number[]> {
  const { rows } = await pool.query<{ count: number }>({
    name: 'rate_add',
    text: ADD,
    values: [keys, since, by],
  })
  return rows.map(({ count }) => count)
}

// In one order, so that two who count the same keys wait for each other and never in a circle.
const ADD = `
  insert into rate_count (key, since, count) select key, $2, $3 from unnest($1::text[]) key order by key
  on conflict (key, since) do update set count = rate_count.count + excluded.count
  returning count`

/** What the counters stand at; 0 where nothing was counted. In the order of the keys. */
export async function readRates(pool: pg.Pool, keys: readonly string[], since: Date): Promise<number[]> {
  const { rows } = await pool.query<{ count: number }>({
    name: 'rate_read',
    text: `select coalesce(c.count, 0) as count from unnest($1::text[]) with ordinality k (key, n)
           left join rate_count c on c.key = k.key and c.since = $2 order by k.n`,
    values: [keys, since],
  })
  return rows.map(({ count }) => count)
}

/** The refusal of what came too often; `detail.retryAfter` is in seconds. */
export function rateLimited(message: string, { endsAt }: Window, now: number): StoreError {
  const retryAfter = Math.max(1, Math.ceil((endsAt.getTime() - now) / 1000))
  return new StoreError('rate_limited', `${message}; try again in ${retryAfter} seconds`, {
    detail: { retryAfter },
  })
}
