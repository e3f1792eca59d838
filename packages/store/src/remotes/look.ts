import { evidenceRulesOf, leadsBack, type Policy, resolveBack, resolveItems } from '@sluice/promotion'
import type pg from 'pg'
import { StoreError } from '../errors.ts'
import type { FeedView } from '../feeds/find.ts'
import { isId } from '../id.ts'
import type { Asked } from '../promotion/prepare.ts'
import { decided } from '../promotion/refusal.ts'
import type { Connected } from './connect.ts'
import { asRemoteError } from './failure.ts'
import { observeUpstream } from '../proxies/observe.ts'
import { observe, type Seen } from './observe.ts'

/** Milliseconds. Everything that one request needs to have seen. */
const PATIENCE_MS = 30_000
/** For whoever only reads: what was last seen is shown instead. */
const GLANCE_MS = 1_500
/** For a decision: what was found before is stored, and the rest may be missing. */
const EVIDENCE_MS = 10_000
/** What was looked at this recently is not looked at again for a reader. */
const FRESH_MS = 30_000

interface LaneFeeds {
  readonly fromFeedId: string
  readonly toFeedId: string
  /** Also where a proxy feed keeps it: its upstream is asked. */
  readonly fromRemote: boolean
  readonly toRemote: boolean
  readonly fromNames: readonly string[]
  readonly toNames: readonly string[]
  readonly policy: Policy
}

const LANE = `
  select l.from_feed_id as "fromFeedId", l.to_feed_id as "toFeedId", f.kind <> 'hosted' as "fromRemote", t.kind = 'remote' as "toRemote",
    array(select n.name from feed_name n where n.feed_id = f.id) as "fromNames",
    array(select n.name from feed_name n where n.feed_id = t.id) as "toNames", v.policy
  from lane l join feed f on f.id = l.from_feed_id join feed t on t.id = l.to_feed_id
    join lane_version v on v.lane_id = l.id
  where l.name = $1 and l.deleted_at is null order by v.version desc limit 1`

type Connect = (feedId: string) => Promise<Connected | null>

/** What registries serve is looked at before a transaction decides on it: they may be slow. */
export function looking(pool: pg.Pool, connect: Connect) {
  /** By feed, repository and tag: when this process last asked. */
  const asked = new Map<string, number>()

  async function at(
    feedId: string,
    repository: string,
    what: Pick<Parameters<typeof observe>[2], 'tags' | 'images' | 'evidence'>,
    signal: AbortSignal,
  ): Promise<Seen> {
    let feed = feedId
    try {
      const connected = await connect(feedId)
      if (connected === null) return new Map()
      feed = connected.access.feed
      const place = { feedId, repository, at: connected.repository(repository) }
      const see = connected.access.kind === 'proxy' ? observeUpstream : observe
      return await see(pool, place, { ...what, signal })
    } catch (error) {
      throw asRemoteError(error, feed)
    }
  }

  async function glance(feedId: string, repository: string, tags: readonly string[]): Promise<void> {
    const now = performance.now()
    for (const [key, when] of asked) if (now - when > FRESH_MS) asked.delete(key)
    const due = tags.filter((tag) => !asked.has(`${feedId} ${repository} ${tag}`))
    if (due.length === 0) return
    for (const tag of due) asked.set(`${feedId} ${repository} ${tag}`, now)
    await unlessAway(at(feedId, repository, { tags: due }, AbortSignal.timeout(GLANCE_MS)))
  }

  return {
    /**
     * Looks at all that a request would rest on in remote registries: images in the source, tags in the target.
     * @throws StoreError remote_unavailable, remote_refused, closure_incomplete, digest_unknown; PromotionError invalid
     */
    async forRequest({ lane, kind = 'promote', items, reason }: Asked): Promise<void> {
      const { rows } = await pool.query<LaneFeeds>(LANE, [lane])
      const [feeds] = rows
      if (feeds === undefined || !(feeds.fromRemote || feeds.toRemote)) return
      const back = leadsBack(kind)
      const wanted = decided(() =>
        back ? resolveBack(kind, items, reason, feeds.toNames) : resolveItems(items, feeds.fromNames),
      )
      const signal = AbortSignal.timeout(PATIENCE_MS)
      const evidence = evidenceRulesOf(feeds.policy).length > 0
      for (const [i, { repository, tag, digest, targetRepository, targetTags }] of wanted.entries()) {
        if (back ? feeds.toRemote : feeds.fromRemote) {
          const sourceId = back ? feeds.toFeedId : feeds.fromFeedId
          const images = [tag, digest].filter((one) => one !== null)
          const seen = await at(sourceId, repository, { images, evidence: evidence && !back }, signal)
          if (digest !== null && seen.get(digest) === null) {
            const message = `the registry serves no ${digest} in ${repository}`
            throw new StoreError('digest_unknown', message, { field: `items[${i}].image` })
          }
        }
        if (feeds.toRemote) await at(feeds.toFeedId, targetRepository, { tags: targetTags }, signal)
      }
    },

    /** Looks again, for a moment, at the source tags of an open request whose source is, or comes from, elsewhere. */
    async again(requestId: string): Promise<void> {
      const { rows } = await pool.query<{ feedId: string; repository: string; tags: string[] }>(
        `select r.feed_id as "feedId", r.name as repository, array_agg(distinct i.source_tag) as tags
         from request q join request_item i on i.request_id = q.id join repository r on r.id = i.source_repository_id
           join feed f on f.id = r.feed_id and f.kind <> 'hosted' and f.deleted_at is null
         where q.id = $1 and q.state in ('PENDING', 'APPROVED') and i.source_tag is not null
         group by r.feed_id, r.name`,
        [isId(requestId) ? requestId : null],
      )
      await Promise.all(rows.map(({ feedId, repository, tags }) => glance(feedId, repository, tags)))
    },

    /** Looks again at what hangs on the images of an open request of a remote source, where its lane asks for evidence. */
    async evidence(requestId: string): Promise<void> {
      const { rows } = await pool.query<{
        feedId: string
        repository: string
        digests: string[]
        policy: Policy
      }>(
        `select r.feed_id as "feedId", r.name as repository, array_agg(distinct i.digest) as digests, v.policy
         from request q join request_item i on i.request_id = q.id join repository r on r.id = i.source_repository_id
           join feed f on f.id = r.feed_id and f.kind <> 'hosted' and not f.trusted and f.deleted_at is null
           join lane_version v on v.lane_id = q.lane_id and v.version = q.lane_version
         where q.id = $1 and q.state = 'PENDING' and q.kind = 'promote'
         group by r.feed_id, r.name, v.policy`,
        [isId(requestId) ? requestId : null],
      )
      for (const { feedId, repository, digests: images, policy } of rows) {
        if (evidenceRulesOf(policy).length === 0) continue
        const asking = { images, evidence: true }
        await unlessAway(at(feedId, repository, asking, AbortSignal.timeout(EVIDENCE_MS)))
      }
    },

    /** Looks again, for a moment, at one tag of a feed, if it is in a registry elsewhere. */
    async glance(
      { id, kind }: Pick<FeedView, 'id' | 'kind'>,
      repository: string,
      tag: string,
    ): Promise<void> {
      if (kind !== 'hosted') await glance(id, repository, [tag])
    },
  }
}

/** The last observation stands; whoever asks for a promotion hears what is wrong. */
async function unlessAway(looked: Promise<unknown>): Promise<void> {
  await looked.catch((error: unknown) => {
    if (!(error instanceof StoreError)) throw error
  })
}
