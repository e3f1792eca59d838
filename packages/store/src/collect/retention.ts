import { parseRetention, parseTagRules, planRetention, type Retention, type Retired } from '@sluice/promotion'
import type pg from 'pg'
import { appendEntrySql, SYSTEM } from '../audit/entry.ts'
import { sqlTransaction } from '../transaction.ts'

interface RuledFeed {
  readonly id: string
  readonly kind: string
  readonly tagRules: unknown
  readonly retention: unknown
  /** Of a proxy feed. */
  readonly cache: { readonly keepDays: number } | null
  /** Bytes that its blobs take, and may take. */
  readonly used: number
  readonly quota: { readonly bytes: number } | null
}

/** What the rules let go of in one repository. */
export interface RepositoryPlan {
  readonly id: string
  readonly repository: string
  readonly manifests: readonly Retired[]
  /** What would go if nothing ran anywhere. */
  readonly kept: readonly Retired[]
}

/**
 * Applies the rules of every feed that has some, and lets go of what proxy feeds keep and nobody pulls: one transaction a repository, with the entry
 * `feed.retention-applied`; answers how many manifests went. Postgres looks at each again.
 */
export async function applyRetention(pool: pg.Pool, signal: AbortSignal): Promise<number> {
  const { rows } = await pool.query<RuledFeed>(
    `select f.id, f.kind, f.tag_rules as "tagRules", f.retention,
       case when k.feed_id is not null then json_build_object('keepDays', k.keep_days) end as cache,
       case when f.quota_bytes is not null then json_build_object('bytes', f.quota_bytes) end as quota,
       (select coalesce(sum(u.bytes), 0)::float8 from feed_usage u where u.feed_id = f.id) as used
     from feed f left join feed_cache k on k.feed_id = f.id
     where not f.trusted and f.deleted_at is null and (f.kind = 'proxy' or jsonb_array_length(f.retention -> 'rules') > 0)`,
  )
  let retired = 0
  for (const feed of rows) {
    for await (const plan of planFeed(pool, feed)) {
      if (signal.aborted) return retired
      retired += await retire(pool, feed, plan)
    }
  }
  return retired
}

/** From this share of its quota on, a proxy feed keeps what was pulled within a day, and no longer. */
const CROWDED = 0.8

/** A cache keeps by use: as one rule over what was moved, pushed or pulled last. */
function rulesOf({ kind, retention, cache, used, quota }: RuledFeed): Retention {
  if (kind !== 'proxy') return parseRetention(retention)
  const crowded = quota !== null && used >= quota.bytes * CROWDED
  return { rules: [{ repositories: ['*'], keepDays: crowded ? 1 : (cache?.keepDays ?? 1) }] }
}

/** What the rules of a feed would let go of now, repository by repository. No effect. */
export async function* planFeed(pool: pg.Pool, feed: RuledFeed): AsyncGenerator<RepositoryPlan> {
  const rules = rulesOf(feed)
  const tagRules = parseTagRules(feed.tagRules)
  const { rows } = await pool.query<{ id: string; name: string }>(
    'select id, name from repository where feed_id = $1 order by name collate "C"',
    [feed.id],
  )
  for (const { id, name: repository } of rows) {
    const [tags, manifests] = [await pool.query(TAGS, [id]), await pool.query(MANIFESTS, [id])]
    const holdings = { repository, tags: tags.rows, manifests: manifests.rows }
    const { gone, kept } = planRetention(rules, tagRules, holdings, new Date())
    if (gone.length + kept.length > 0) yield { id, repository, manifests: gone, kept }
  }
}

// Only of proxy feeds is written down what is pulled.
const TAGS = `
  select t.name, t.digest, greatest(t.moved_at, u.used_at) as "movedAt"
  from tag t left join manifest_use u on u.repository_id = t.repository_id and u.digest = t.digest
  where t.repository_id = $1`

const MANIFESTS = `
  select rm.digest, greatest(rm.pushed_at, u.used_at) as "pushedAt", m.subject_digest as subject,
    awaited(rm.digest) or exists (select from admission a where a.digest = rm.digest) as claimed,
    runs(rm.digest) as running,
    array(select e.child_digest from manifest_edge e where e.parent_digest = rm.digest and e.kind = 'manifest') as children
  from repository_manifest rm join manifest m on m.digest = rm.digest
    left join manifest_use u on u.repository_id = rm.repository_id and u.digest = rm.digest
  where rm.repository_id = $1 order by rm.digest`

/** The manifests that Postgres does not let go of, because something changed since they were judged. */
class Kept extends Error {
  readonly digests: ReadonlySet<string>

  constructor(digests: ReadonlySet<string>) {
    super('not everything that was planned may go')
    this.digests = digests
  }
}

/** The entry names exactly what goes, so what turns out to stay is left out and the rest done again. */
async function retire(pool: pg.Pool, feed: RuledFeed, plan: RepositoryPlan): Promise<number> {
  const { id, repository, manifests } = plan
  if (manifests.length === 0) return 0
  try {
    return await sqlTransaction(pool, async (client) => {
      const entryId = await appendEntrySql(client, {
        type: 'feed.retention-applied',
        actor: SYSTEM,
        subjects: [`feed:${feed.id}`, `repository:${id}`],
        payload: {
          repository,
          manifests: manifests.map(({ digest, tags }) => ({ digest, tags: [...tags] })),
        },
      })
      const kept = new Set<string>()
      for (const { digest, tags } of manifests) {
        const { rows } = await client.query<{ gone: boolean }>(
          'select retire_manifest($1, $2, $3, $4) as gone',
          [id, digest, tags, entryId],
        )
        if (!rows[0]?.gone) kept.add(digest)
      }
      if (kept.size > 0) throw new Kept(kept)
      return manifests.length
    })
  } catch (error) {
    if (!(error instanceof Kept)) throw error
    const others = manifests.filter(({ digest }) => !error.digests.has(digest))
    return retire(pool, feed, { ...plan, manifests: others })
  }
}
