import type { RepositoryAddress } from '@sluice/feed'
import type pg from 'pg'

/** Milliseconds: what is pulled in this time is written in one statement. */
const GATHERED_MS = 5_000
/** And once in this time, whatever is pulled: retention counts in days. */
const ONCE_MS = 60 * 60 * 1000
/** Manifests of which this process remembers that it wrote them down. */
const REMEMBERED = 50_000

/** Which manifests of proxy feeds are pulled. A write for many pulls, and none that a pull waits for. */
export function uses(pool: pg.Pool, failed: (error: unknown) => void) {
  const noted = new Map<string, number>()
  let waiting = new Map<string, readonly [feedId: string, repository: string, digest: string]>()
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> = Promise.resolve()

  async function write(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    const rows = [...waiting.values()]
    waiting = new Map()
    if (rows.length === 0) return
    const [feeds, repositories, digests] = [0, 1, 2].map((i) => rows.map((row) => row[i]))
    await pool
      .query({ name: 'manifest_use', text: USED, values: [feeds, repositories, digests] })
      .catch(failed)
  }

  return {
    note({ feed, repository }: RepositoryAddress, digest: string): void {
      const key = `${feed.id} ${repository} ${digest}`
      const now = performance.now()
      if (now - (noted.get(key) ?? Number.NEGATIVE_INFINITY) < ONCE_MS) return
      if (noted.size >= REMEMBERED) noted.clear()
      noted.set(key, now)
      waiting.set(key, [feed.id, repository, digest])
      timer ??= setTimeout(() => {
        writing = writing.then(write)
      }, GATHERED_MS).unref()
    },
    async settle(): Promise<void> {
      await writing
      await write()
    },
  }
}

// In one order for all processes, so that none waits for another in a circle.
const USED = `
  insert into manifest_use (repository_id, digest)
    select rm.repository_id, rm.digest
    from unnest($1::uuid[], $2::text[], $3::text[]) u (feed_id, repository, digest)
      join repository r on r.feed_id = u.feed_id and r.name = u.repository
      join repository_manifest rm on rm.repository_id = r.id and rm.digest = u.digest
    order by rm.repository_id, rm.digest
  on conflict (repository_id, digest) do update set used_at = now()`
