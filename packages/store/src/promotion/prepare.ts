import {
  type AskedItem,
  type BoundItem,
  evaluateGates,
  type GateReport,
  isVirtualTag,
  leadsBack,
  type Policy,
  parseTagRules,
  refuseRepeatedTargets,
  type RequestKind,
  type ResolvedItem,
  resolveBack,
  resolveItems,
  type TagRules,
  type TargetTag,
} from '@sluice/promotion'
import type { Actor } from '../actor.ts'
import { StoreError } from '../errors.ts'
import type { Attached } from '../evidence/attached.ts'
import { itemFacts } from '../evidence/facts.ts'
import { releaseFor } from '../feed-index/virtual.ts'
import { asking, type Transaction } from '../transaction.ts'
import { type Closure, readClosure } from './closure.ts'
import { type FrozenFacts, personsBehind } from './facts.ts'
import { standingRecalls } from './recalled.ts'
import { withReferrers } from './referrers.ts'
import { decided } from './refusal.ts'

/** What a caller asks for (DESIGN section 7, `POST /requests`). */
export interface Asked {
  readonly lane: string
  /** `promote` unless given. The images of the others are those of the lane's to feed. */
  readonly kind?: RequestKind
  readonly items: readonly AskedItem[]
  readonly reason?: string
  readonly links?: { readonly [name: string]: string }
}

/** A lane as it is now: its latest version and both feeds. */
export interface LaneNow {
  readonly id: string
  readonly name: string
  readonly version: number
  readonly policy: Policy
  readonly policyHash: string
  readonly fromFeedId: string
  readonly toFeedId: string
  readonly from: string
  readonly to: string
  readonly toTrusted: boolean
  /** Where clients get the images of the to feed; null: here. */
  readonly toAddress: string | null
  /** Kept by a registry elsewhere, of which only what was seen is known (remotes/observe.ts). */
  readonly fromRemote: boolean
  readonly toRemote: boolean
  readonly now: Date
}

export interface PreparedItem extends BoundItem {
  readonly sourceRepository: string
  readonly sourceTag: string | null
  readonly frozen: Closure
}

/** Everything that a request would fix, looked up once. */
export interface Prepared {
  readonly lane: LaneNow
  readonly kind: RequestKind
  /** The recall that a restore undoes. */
  readonly recallId: string | null
  readonly tagRules: TagRules
  readonly requesterPersons: readonly string[]
  readonly items: readonly PreparedItem[]
  readonly targets: readonly TargetTag[]
  readonly gates: readonly GateReport[]
  readonly facts: FrozenFacts
  /** Evidence beside the images that is not stored yet. */
  readonly attached: Attached
}

/**
 * Resolves what was asked: lane, references, closures, what each target tag points at, and the gates.
 * @throws StoreError lane_unknown, tag_unknown, digest_unknown, digest_mismatch, closure_incomplete,
 *   not_admitted, recall_lifted, tag_alerted, invalid
 */
export async function prepare(
  tx: Transaction,
  actor: Actor,
  asked: Asked,
  attached: Attached = { found: [], unread: [] },
): Promise<Prepared> {
  const { kind = 'promote' } = asked
  const { lane, rules } = await readLane(tx, asked.lane)
  const source = leadsBack(kind)
    ? { id: lane.toFeedId, name: lane.to, remote: lane.toRemote }
    : { id: lane.fromFeedId, name: lane.from, remote: lane.fromRemote }
  const feedNames = await namesOf(tx, source.id)
  const read = decided(() =>
    leadsBack(kind)
      ? resolveBack(kind, asked.items, asked.reason, feedNames)
      : resolveItems(asked.items, feedNames),
  )
  const resolved: ResolvedItem[] = []
  for (const item of read) resolved.push(source.remote ? item : await withRelease(tx, source.id, item))
  decided(() => refuseRepeatedTargets(resolved))
  const images: PreparedItem[] = []
  for (const [position, item] of resolved.entries()) {
    images.push(await prepareItem(tx, lane, source, item, position))
  }
  const items = await withReferrers(tx, lane.policy, images, attached)
  if (leadsBack(kind)) await requireAdmitted(tx, lane, items)
  const recallId = kind === 'restore' ? await recallOf(tx, lane, items) : null
  const requesterPersons = [
    ...new Set([...(actor.personId === null ? [] : [actor.personId]), ...actor.answerable]),
  ]
  const facts = {
    pusherPersons: await personsBehind(tx, [...new Set(items.flatMap(({ frozen }) => frozen.pushers))]),
    pushedAt: items.map(({ frozen }) => frozen.pushedAt.toISOString()),
    images: items.map(({ frozen }) => frozen.images),
  }
  const found = await itemFacts(
    tx,
    lane.policy,
    items.map(({ digest, frozen }) => ({ digest, platforms: frozen.images })),
    attached,
  )
  const gates = evaluateGates({
    policy: lane.policy,
    now: lane.now,
    kind,
    recalls: await standingRecalls(
      tx,
      lane.toFeedId,
      items.map(({ sourceRepository, digest }) => ({ source: `${sourceRepository}@${digest}`, digest })),
    ),
    requesterPersons,
    pusherPersons: facts.pusherPersons,
    approvals: [],
    tickets: [],
    items: items.map(({ sourceRepository, digest, tags, frozen }, i) => ({
      ...(found[i] ?? { evidence: [], unread: [], reached: [] }),
      digest,
      platforms: frozen.images,
      source: `${sourceRepository}@${digest}`,
      targetTags: tags.map(({ tag }) => tag),
      pushedAt: frozen.pushedAt,
    })),
  })
  const targets = items.flatMap(({ targetRepository, digest, tags }) =>
    tags.map(({ tag, expected }) => ({ repository: targetRepository, tag, digest, current: expected })),
  )
  return {
    lane,
    kind,
    recallId,
    tagRules: parseTagRules(rules),
    requesterPersons,
    items,
    targets,
    gates,
    facts,
    attached,
  }
}

async function readLane(tx: Transaction, name: string) {
  // Shared, so that the lane is not removed under a request being made.
  const [row] = await tx.$queryRaw<(LaneNow & { tagRules: unknown })[]>`
    select l.id, l.name, v.version, v.policy, v.policy_hash as "policyHash",
      l.from_feed_id as "fromFeedId", l.to_feed_id as "toFeedId", fn.name as "from", tn.name as "to",
      t.trusted as "toTrusted", remote_address(t.id) as "toAddress", f.kind = 'remote' as "fromRemote", t.kind = 'remote' as "toRemote", t.tag_rules as "tagRules", now() as now
    from lane l
      join lane_version v on v.lane_id = l.id
        and v.version = (select max(x.version) from lane_version x where x.lane_id = l.id)
      join feed f on f.id = l.from_feed_id and f.deleted_at is null
      join feed t on t.id = l.to_feed_id and t.deleted_at is null
      join feed_name fn on fn.feed_id = f.id and fn.is_current
      join feed_name tn on tn.feed_id = t.id and tn.is_current
    where l.name = ${name} and l.deleted_at is null
    for share of l`
  if (row === undefined) {
    throw new StoreError('lane_unknown', `there is no lane ${JSON.stringify(name.slice(0, 80))}`, {
      field: 'lane',
    })
  }
  const { tagRules: rules, ...lane } = row
  return { lane, rules }
}

async function namesOf(tx: Transaction, feedId: string): Promise<string[]> {
  const names = await tx.$queryRaw<{ name: string }[]>`
    select name from feed_name where feed_id = ${feedId}::uuid order by is_current desc, name`
  return names.map(({ name }) => name)
}

/** What leads back was let into this very repository before. @throws StoreError not_admitted */
async function requireAdmitted(tx: Transaction, { to }: LaneNow, items: readonly PreparedItem[]) {
  for (const [position, { sourceRepositoryId, sourceRepository, digest }] of items.entries()) {
    const found = await tx.$queryRaw<unknown[]>`
      select 1 from repository_manifest where repository_id = ${sourceRepositoryId}::uuid and digest = ${digest}
        and admission_id is not null`
    if (found.length > 0) continue
    throw new StoreError('not_admitted', `${digest} was never let into ${to}/${sourceRepository}`, {
      field: `items[${position}].image`,
    })
  }
}

/** The recall that a restore of this image undoes. @throws StoreError recall_lifted */
async function recallOf(tx: Transaction, lane: LaneNow, items: readonly PreparedItem[]): Promise<string> {
  const digest = items[0]?.digest ?? ''
  const [row] = await tx.$queryRaw<{ id: string }[]>`
    select id from recall where feed_id = ${lane.toFeedId}::uuid and digest = ${digest} and lifted_at is null`
  if (row !== undefined) return row.id
  throw new StoreError('recall_lifted', `no recall of ${digest} stands in ${lane.to} itself`, {
    field: 'items[0].image',
  })
}

/** A virtual tag is asked for once, here: what is requested is the release that it stands for now. */
async function withRelease(tx: Transaction, feedId: string, item: ResolvedItem): Promise<ResolvedItem> {
  const { repository, tag } = item
  if (tag === null || !isVirtualTag(tag)) return item
  const [stored] = await tx.$queryRaw<unknown[]>`
    select 1 from repository r join tag t on t.repository_id = r.id and t.name = ${tag}
    where r.feed_id = ${feedId}::uuid and r.name = ${repository}`
  if (stored !== undefined) return item
  const release = await releaseFor(asking(tx), { feedId, repository, tag })
  if (release === null) return item
  return { ...item, tag: release, ...(item.targetTagDefaulted && { targetTags: [release] }) }
}

async function prepareItem(
  tx: Transaction,
  lane: LaneNow,
  feed: { readonly id: string; readonly name: string },
  item: ResolvedItem,
  position: number,
): Promise<PreparedItem> {
  const field = `items[${position}].image`
  const [source] = await tx.$queryRaw<{ id: string; tagged: string | null }[]>`
    select r.id, t.digest as tagged from repository r left join current_tag t on t.repository_id = r.id and t.name = ${item.tag}
    where r.feed_id = ${feed.id}::uuid and r.name = ${item.repository}`
  const where = `${feed.name}/${item.repository}`
  if (item.tag !== null && source?.tagged == null) {
    throw new StoreError('tag_unknown', `${where} has no tag ${item.tag}`, { field })
  }
  const digest = item.digest ?? source?.tagged
  if (item.digest !== null && item.tag !== null && source?.tagged !== item.digest) {
    throw new StoreError(
      'digest_mismatch',
      `${where}:${item.tag} is ${source?.tagged}, not ${item.digest}; name the tag or the digest that was tested`,
      { field, detail: { tagged: source?.tagged, given: item.digest } },
    )
  }
  const frozen = source && digest != null ? await readClosure(tx, source.id, digest) : null
  if (source === undefined || digest == null || frozen === null) {
    throw new StoreError('digest_unknown', `${where} has no manifest ${digest}`, { field })
  }
  const current = await tx.$queryRaw<{ name: string; digest: string }[]>`
    select t.name, t.digest from repository r join current_tag t on t.repository_id = r.id
    where r.feed_id = ${lane.toFeedId}::uuid and r.name = ${item.targetRepository} and t.name = any (${[...item.targetTags]}::text[])`
  if (lane.toRemote) await requireUnalerted(tx, lane, item, position)
  return {
    position,
    sourceRepositoryId: source.id,
    sourceRepository: item.repository,
    sourceTag: item.tag,
    digest,
    mediaType: frozen.mediaType,
    targetRepository: item.targetRepository,
    closure: frozen.members,
    tags: item.targetTags.map((tag) => ({
      tag,
      expected: current.find(({ name }) => name === tag)?.digest ?? null,
    })),
    frozen,
  }
}

/** A tag that somebody changed in the registry by another way is first cleared up. @throws StoreError tag_alerted */
async function requireUnalerted(
  tx: Transaction,
  { to, toFeedId }: LaneNow,
  { targetRepository, targetTags }: ResolvedItem,
  position: number,
): Promise<void> {
  const [alerted] = await tx.$queryRaw<{ tag: string }[]>`
    select t.tag from unnest(${[...targetTags]}::text[]) t (tag)
    where tag_alerted(${toFeedId}::uuid, ${targetRepository}, t.tag) limit 1`
  if (alerted === undefined) return
  throw new StoreError(
    'tag_alerted',
    `${to}/${targetRepository}:${alerted.tag} was changed in its registry by another way; resolve that alert first`,
    { field: `items[${position}].targetTags` },
  )
}
