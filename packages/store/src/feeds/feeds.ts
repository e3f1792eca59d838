import { isFeedName } from '@sluice/oci'
import { parseRetention, parseTagRules, type Retention, type Retired, type TagRules } from '@sluice/promotion'
import { VERBS } from '../accounts/grants.ts'
import { requireText } from '../accounts/names.ts'
import { type Actor, actorOf } from '../actor.ts'
import { appendEntry } from '../audit/entry.ts'
import { planFeed } from '../collect/retention.ts'
import { StoreError } from '../errors.ts'
import { newId } from '../id.ts'
import { afterName, type Page, type Paged, paged } from '../page.ts'
import { changeRemote, insertRemote, type NewRemote, type RemoteChange } from '../remotes/change.ts'
import { type CacheChange, changeCache, forgetMovedUpstream, insertCache } from '../proxies/settings.ts'
import type { Seal } from '../secrets/seal.ts'
import { runningOf } from '../sites/where.ts'
import { type Connections, type Transaction, transaction } from '../transaction.ts'
import { FEED_VIEW, type FeedKind, type FeedView, lockFeed, type Quota } from './find.ts'
import { feedGrants } from './grants.ts'
import { tagMoves } from './moves.ts'
import { feedStages } from './stages.ts'
import { feedTags } from './tags.ts'

export interface NewFeed {
  readonly name: string
  /** Without it, or with null, the feed is hosted; with it, its content is in that registry. */
  readonly remote?: NewRemote | null
  /** Beside `remote`: the feed is a proxy, and keeps what is pulled through it. */
  readonly cache?: CacheChange | null
  readonly stage: string
  readonly trusted: boolean
  readonly tagRules?: unknown
  /** What its blobs may take; null for no limit. */
  readonly quota?: Quota | null
  /** What is kept; without rules, everything. */
  readonly retention?: unknown
}

export interface RetiredView extends Retired {
  readonly repository: string
}

const NO_RULES = { rules: [] }

export type FeedChange = {
  readonly [K in keyof Omit<NewFeed, 'remote' | 'cache'>]?: NewFeed[K] | undefined
} & { readonly remote?: RemoteChange | undefined; readonly cache?: CacheChange | undefined }

export function feeds(connections: Connections, seal: Seal) {
  const { prisma, pool } = connections

  async function find(name: string): Promise<FeedView> {
    const { rows } = await pool.query<FeedView>(
      `${FEED_VIEW} where f.deleted_at is null and f.id = (select feed_id from feed_name where name = $1)`,
      [isFeedName(name) ? name : ''],
    )
    if (!rows[0]) throw new StoreError('not_found', `there is no feed ${JSON.stringify(name)}`)
    return rows[0]
  }

  return {
    ...feedGrants(connections),
    ...feedTags(connections),
    ...feedStages(connections),
    ...tagMoves(connections),

    /** All of them, by name: feeds are few. */
    async list(): Promise<readonly FeedView[]> {
      const { rows } = await pool.query<FeedView>(
        `${FEED_VIEW} where f.deleted_at is null order by c.name collate "C"`,
      )
      return rows
    },

    /** By current or former name. @throws StoreError not_found */
    get: find,

    /** Its maker holds every verb on it. @throws StoreError invalid, name_taken; PromotionError invalid (tagRules) */
    async create(actor: Actor, feed: NewFeed): Promise<FeedView> {
      await transaction(prisma, (tx) =>
        insertFeed(tx, feed, { entryActor: actorOf(actor), owner: actor.principalId, seal }),
      )
      return find(feed.name)
    },

    /**
     * A new name leaves the old one as an alias for ever.
     * @throws StoreError not_found, invalid, name_taken, feed_fixed, trusted_fixed; PromotionError invalid (tagRules)
     */
    async patch(actor: Actor, name: string, change: FeedChange): Promise<FeedView> {
      const { stage, trusted } = change
      if (stage !== undefined) requireText(stage, 'stage', 64)
      const tagRules = change.tagRules === undefined ? undefined : parseTagRules(change.tagRules, 'tagRules')
      const retention =
        change.retention === undefined ? undefined : parseRetention(change.retention, 'retention')
      await transaction(prisma, async (tx) => {
        const feed = await lockFeed(tx, name)
        refuseUnfit(feed.kind, { ...change, tagRules, retention })
        requireKind(feed, change)
        if (change.name !== undefined && change.name !== feed.name) await rename(tx, feed.id, change.name)
        await tx.feed.update({
          where: { id: feed.id },
          data: {
            ...(stage !== undefined && { stage }),
            ...(trusted !== undefined && { trusted }),
            ...(tagRules && { tagRules: { ...tagRules } }),
            ...(retention && { retention: { ...retention } }),
            ...(change.quota !== undefined && { quotaBytes: quotaBytes(change.quota) }),
          },
        })
        const remote = change.remote && (await changeRemote(tx, seal, feed.id, change.remote))
        if (change.cache !== undefined) await changeCache(tx, feed.id, change.cache)
        if (feed.kind === 'proxy' && change.remote !== undefined) await forgetMovedUpstream(tx, feed.id)
        const { name: from, ...was } = feed
        await appendEntry(tx, {
          type: 'feed.changed',
          actor: actorOf(actor),
          subjects: [`feed:${feed.id}`],
          payload: JSON.parse(
            JSON.stringify({ from: { ...was, name: from }, to: { ...change, tagRules, remote } }),
          ),
        })
      })
      return find(change.name ?? name)
    },

    /**
     * Its names stay reserved to it, and its rows stay.
     * @throws StoreError not_found; feed_in_use while a lane leads there or from there; trusted_feed while it holds images
     */
    remove(actor: Actor, name: string): Promise<void> {
      return transaction(prisma, async (tx) => {
        const feed = await lockFeed(tx, name)
        const lane = await tx.lane.findFirst({
          where: { deletedAt: null, OR: [{ fromFeedId: feed.id }, { toFeedId: feed.id }] },
        })
        if (lane)
          throw new StoreError(
            'feed_in_use',
            `the lane ${lane.name} uses the feed ${feed.name}; remove it first`,
          )
        if (feed.trusted && (await tx.admission.findFirst({ where: { feedId: feed.id } }))) {
          throw new StoreError(
            'trusted_feed',
            `the trusted feed ${feed.name} holds promoted images and stays`,
          )
        }
        await tx.feed.update({ where: { id: feed.id }, data: { deletedAt: new Date() } })
        await appendEntry(tx, {
          type: 'feed.removed',
          actor: actorOf(actor),
          subjects: [`feed:${feed.id}`],
          payload: { name: feed.name },
        })
      })
    },

    /**
     * What the feed's retention rules, or other ones, would let go of now; nothing goes. The first `limit`
     * manifests, by repository. What runs is told of indexes in the feeds given, or in all.
     * @throws PromotionError invalid
     */
    async previewRetention(
      feed: FeedView,
      {
        rules,
        limit,
        visibleFeedIds,
      }: { rules?: unknown; limit: number; visibleFeedIds: readonly string[] | null },
    ) {
      const retention = rules === undefined ? feed.retention : parseRetention({ rules })
      if (rules !== undefined) refuseUnfit(feed.kind, { retention })
      const [items, kept]: [RetiredView[], RetiredView[]] = [[], []]
      for await (const { repository, ...plan } of planFeed(pool, { ...feed, retention })) {
        items.push(...plan.manifests.map((manifest) => ({ repository, ...manifest })))
        kept.push(...plan.kept.map((manifest) => ({ repository, ...manifest })))
        if (items.length + kept.length > limit) break
      }
      const shown = kept.slice(0, limit)
      const running = await runningOf(
        pool,
        shown.map(({ digest }) => digest),
        visibleFeedIds,
      )
      return {
        items: items.slice(0, limit),
        kept: shown.map((manifest) => ({ ...manifest, running: running.get(manifest.digest) ?? [] })),
        more: items.length > limit || kept.length > limit,
      }
    },

    /** By name, in ASCII order; with `find`, only those with it in their name. */
    async repositories(
      feedId: string,
      { limit, after, find = '' }: Page & { readonly find?: string | undefined },
    ): Promise<Paged<{ name: string; createdAt: Date | null }>> {
      const { rows } = await pool.query<{ name: string; createdAt: Date | null }>(
        `select n.name, max(n.created_at) as "createdAt" from (
           select r.name, r.created_at from repository r
           where r.feed_id = $1 and r.name collate "C" > $2 and strpos(r.name, $4) > 0
             and (exists (select from repository_manifest m where m.repository_id = r.id)
               or exists (select from remote_tag o where o.repository_id = r.id))
           union all
           select c.name, null from feed_remote x cross join unnest(x.repositories) c (name)
           where x.feed_id = $1 and c.name collate "C" > $2 and strpos(c.name, $4) > 0) n
         group by n.name order by n.name collate "C" limit $3`,
        [feedId, afterName(after), limit + 1, find.toLowerCase()],
      )
      return paged(rows, limit, ({ name }) => name)
    },
  }
}

/** @throws StoreError invalid, name_taken; PromotionError invalid */
export async function insertFeed(
  tx: Transaction,
  { name, stage, trusted, tagRules = {}, quota = null, retention = NO_RULES, remote, cache }: NewFeed,
  { entryActor, owner, seal }: { entryActor: string; owner: string; seal: Seal },
): Promise<string> {
  requireText(stage, 'stage', 64)
  const rules = parseTagRules(tagRules, 'tagRules')
  const kept = parseRetention(retention, 'retention')
  const id = newId()
  const kind: FeedKind = remote ? (cache ? 'proxy' : 'remote') : 'hosted'
  refuseUnfit(kind, { trusted, tagRules: rules, quota, retention: kept })
  await tx.feed.create({
    data: {
      id,
      kind,
      stage,
      trusted,
      tagRules: { ...rules },
      quotaBytes: quotaBytes(quota),
      retention: { ...kept },
    },
  })
  await takeName(tx, id, name)
  const reached = {
    ...(remote && { remote: await insertRemote(tx, seal, id, remote) }),
    ...(kind === 'proxy' && cache && { cache: await insertCache(tx, id, cache) }),
  }
  await tx.accessGrant.create({ data: { feedId: id, principalId: owner, verbs: [...VERBS] } })
  await appendEntry(tx, {
    type: 'feed.created',
    actor: entryActor,
    subjects: [`feed:${id}`],
    payload: JSON.parse(
      JSON.stringify({ name, stage, trusted, tagRules: rules, quota, retention: kept, kind, ...reached }),
    ),
  })
  return id
}

interface Kept {
  readonly trusted?: boolean | undefined
  readonly tagRules?: TagRules | undefined
  readonly quota?: Quota | null | undefined
  readonly retention?: Retention | undefined
}

/**
 * What a remote feed holds, its registry keeps or lets go of. A proxy feed has its upstream's tags, keeps what is
 * pulled, and nobody vouches for it. @throws StoreError invalid
 */
function refuseUnfit(kind: string, { trusted, tagRules, quota, retention }: Kept): void {
  const refuse = (field: string, message: string): never => {
    throw new StoreError('invalid', message, { field })
  }
  const rules = retention !== undefined && retention.rules.length > 0
  if (kind === 'remote') {
    const field = quota ? 'quota' : rules ? 'retention' : null
    if (field !== null) refuse(field, 'a remote feed has none; its registry decides what it keeps')
  }
  if (kind !== 'proxy') return
  if (trusted === true) {
    refuse('trusted', 'a proxy feed is never trusted: make a lane from it to a trusted feed, and promote')
  }
  if (rules) refuse('retention', 'a proxy feed keeps what is pulled; set cache.keepDays')
  if (tagRules !== undefined && Object.keys(tagRules).length > 0) {
    refuse('tagRules', 'a proxy feed has none: its tags are where its upstream has them')
  }
}

/** @throws StoreError feed_fixed */
function requireKind(
  { name, kind }: { readonly name: string; readonly kind: string },
  { remote, cache }: Pick<FeedChange, 'remote' | 'cache'>,
): void {
  const field =
    remote !== undefined && kind === 'hosted'
      ? 'remote'
      : cache !== undefined && kind !== 'proxy'
        ? 'cache'
        : null
  if (field === null) return
  throw new StoreError('feed_fixed', `the feed ${name} is ${kind}, and stays so`, { field })
}

/** @throws StoreError invalid */
function quotaBytes(quota: Quota | null): bigint | null {
  if (quota === null) return null
  if (!Number.isSafeInteger(quota.bytes) || quota.bytes < 1) {
    throw new StoreError('invalid', 'a quota is a whole number of bytes, 1 at the least', {
      field: 'quota.bytes',
    })
  }
  return BigInt(quota.bytes)
}

async function rename(tx: Transaction, feedId: string, name: string): Promise<void> {
  await tx.feedName.updateMany({ where: { feedId, isCurrent: true }, data: { isCurrent: false } })
  const again = await tx.feedName.updateMany({ where: { feedId, name }, data: { isCurrent: true } })
  if (again.count === 0) await takeName(tx, feedId, name)
}

async function takeName(tx: Transaction, feedId: string, name: string): Promise<void> {
  if (!isFeedName(name)) {
    throw new StoreError(
      'invalid',
      'a feed name has 1 to 63 of a-z 0-9, with single _ or - between; "localhost" is none',
      { field: 'name' },
    )
  }
  const taken = await tx.$executeRaw`
    insert into feed_name (name, feed_id, is_current) values (${name}, ${feedId}::uuid, true) on conflict (name) do nothing`
  if (taken === 1) return
  throw new StoreError(
    'name_taken',
    `the name ${name} is or was the name of another feed; a name once used is reserved to its feed for ever`,
    { field: 'name' },
  )
}
