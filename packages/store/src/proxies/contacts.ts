import type pg from 'pg'

/** Milliseconds after which the same news is written again. */
const AGAIN_MS = 60_000
const FAILURE_LIMIT = 1_000

interface Told {
  readonly failing: boolean
  readonly at: number
}

/** How proxy feeds stand with their upstreams, for who looks at the feed: written when it changes, or once a minute. */
export function contacts(pool: pg.Pool, failed: (error: unknown) => void) {
  const told = new Map<string, Told>()
  return {
    /** @param failure null: the upstream answered */
    note(feedId: string, failure: string | null): void {
      const now = performance.now()
      const last = told.get(feedId)
      const failing = failure !== null
      if (last !== undefined && last.failing === failing && now - last.at < AGAIN_MS) return
      told.set(feedId, { failing, at: now })
      const write = failing
        ? pool.query(FAILED, [feedId, failure.replace(/\p{Cc}/gu, ' ').slice(0, FAILURE_LIMIT)])
        : pool.query(ANSWERED, [feedId])
      write.catch(failed)
    },
  }
}

const ANSWERED =
  'update feed_cache set reached_at = now(), failing_since = null, failure = null where feed_id = $1'
const FAILED =
  'update feed_cache set failing_since = coalesce(failing_since, now()), failure = $2 where feed_id = $1'
