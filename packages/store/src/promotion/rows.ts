import type { Policy, PromotionState, RequestKind, RequestState } from '@sluice/promotion'
import { StoreError } from '../errors.ts'
import { isId } from '../id.ts'
import type { Transaction } from '../transaction.ts'

/** A request under its row lock, with the lane version it was made under. */
export interface LockedRequest {
  readonly id: string
  readonly kind: RequestKind
  /** The recall that a restore undoes. */
  readonly recallId: string | null
  readonly state: RequestState
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly requesterPersons: readonly string[]
  readonly setDigest: string
  readonly boundHash: string
  readonly laneId: string
  readonly laneVersion: number
  readonly policy: Policy
  readonly policyHash: string
  readonly fromFeedId: string
  readonly toFeedId: string
  /** Of the transaction, by the clock of Postgres. */
  readonly now: Date
}

export interface LockedPromotion {
  readonly id: string
  readonly state: PromotionState
  readonly attempt: number
  readonly tries: number
  readonly notBefore: Date
  /** Its tags are about to be set, or are set, in a registry elsewhere: it is no longer taken back. */
  readonly intended: boolean
}

/**
 * Locks a request until the transaction ends. Always taken before the promotion's lock.
 * @throws StoreError not_found
 */
export async function lockRequest(tx: Transaction, id: string): Promise<LockedRequest> {
  const rows = isId(id)
    ? await tx.$queryRaw<LockedRequest[]>`
        select r.id, r.kind, r.recall_id as "recallId", r.state, r.created_at as "createdAt", r.expires_at as "expiresAt", r.requester_persons as "requesterPersons",
          r.set_digest as "setDigest", r.bound_hash as "boundHash", r.lane_id as "laneId",
          r.lane_version as "laneVersion", v.policy, v.policy_hash as "policyHash",
          l.from_feed_id as "fromFeedId", l.to_feed_id as "toFeedId", now() as now
        from request r
          join lane l on l.id = r.lane_id
          join lane_version v on v.lane_id = r.lane_id and v.version = r.lane_version
        where r.id = ${id}::uuid for update of r`
    : []
  const [row] = rows
  if (row === undefined) throw new StoreError('not_found', `there is no request ${id.slice(0, 40)}`)
  return row
}

/** Locks the promotion of a locked request: the latest, null when there was none. */
export async function lockPromotion(tx: Transaction, requestId: string): Promise<LockedPromotion | null> {
  const [row] = await tx.$queryRaw<LockedPromotion[]>`
    select id, state, attempt, tries, not_before as "notBefore", intended_at is not null as intended from promotion
    where request_id = ${requestId}::uuid order by created_at desc, id desc limit 1 for update`
  return row ?? null
}

/** An item of a request as it was fixed. */
export interface ItemRow {
  readonly position: number
  readonly digest: string
  readonly mediaType: string
  readonly sourceRepositoryId: string
  readonly sourceRepository: string
  readonly sourceFeedId: string
  readonly sourceFeed: string
  readonly sourceRemote: boolean
  readonly sourceProxy: boolean
  readonly targetRepository: string
}

export interface TargetRow {
  readonly position: number
  readonly tag: string
  readonly expected: string | null
  /** What the tag points at now; null: nothing. */
  readonly current: string | null
}

export async function readItems(tx: Transaction, requestId: string): Promise<ItemRow[]> {
  return tx.$queryRaw<ItemRow[]>`
    select i.position, i.digest, i.media_type as "mediaType", i.source_repository_id as "sourceRepositoryId",
      s.name as "sourceRepository", s.feed_id as "sourceFeedId", n.name as "sourceFeed", is_remote(s.id) as "sourceRemote", is_proxy(s.id) as "sourceProxy",
      i.target_repository as "targetRepository"
    from request_item i join repository s on s.id = i.source_repository_id
      join feed_name n on n.feed_id = s.feed_id and n.is_current
    where i.request_id = ${requestId}::uuid order by i.position`
}

/** The target tags of a request, with what each points at in the target feed now, as far as is known. */
export async function readTargets(
  tx: Transaction,
  { id, toFeedId }: Pick<LockedRequest, 'id' | 'toFeedId'>,
): Promise<TargetRow[]> {
  return tx.$queryRaw<TargetRow[]>`
    select t.position, t.tag, t.expected_digest as expected, c.digest as current
    from request_target t join request_item i on i.request_id = t.request_id and i.position = t.position
      left join repository r on r.feed_id = ${toFeedId}::uuid and r.name = i.target_repository
      left join current_tag c on c.repository_id = r.id and c.name = t.tag
    where t.request_id = ${id}::uuid order by t.position, t.tag collate "C"`
}

/** What an entry about a request and its promotion names. */
export function subjectsOf(
  request: Pick<LockedRequest, 'id' | 'laneId' | 'toFeedId'>,
  promotionId: string | null,
  digests: readonly string[] = [],
): string[] {
  return [
    `request:${request.id}`,
    ...(promotionId === null ? [] : [`promotion:${promotionId}`]),
    `lane:${request.laneId}`,
    `feed:${request.toFeedId}`,
    ...digests.map((digest) => `digest:${digest}`),
  ]
}
