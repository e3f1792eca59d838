import { type GateReport, leadsBack, type RequestKind, type RequestState } from '@sluice/promotion'
import type { Transaction } from '../transaction.ts'
import { type BreakGlassRow, type BreakGlassView, REVIEWS_NEEDED, readBreakGlass } from './break-glass.ts'
import { principalNames } from './names.ts'
import { type PromotionView, readPromotions } from './promotion-view.ts'

/** The source tag points elsewhere now; `to` null: it is gone. What lands is `from` all the same. */
export interface Drift {
  readonly from: string
  readonly to: string | null
  readonly at: string | null
}

export interface ItemView {
  readonly source: { readonly feed: string; readonly repository: string; readonly tag: string | null }
  readonly target: {
    readonly feed: string
    /** Of a remote feed: `HOST[:PORT][/PREFIX]`, where clients get its images; null: here. */
    readonly address: string | null
    readonly repository: string
    readonly tags: readonly { readonly tag: string; readonly expected: string | null }[]
  }
  readonly digest: string
  readonly mediaType: string
  readonly platforms: readonly string[]
  /** Bytes of all members, each once. */
  readonly closure: { readonly manifests: number; readonly blobs: number; readonly bytes: number }
  readonly drift: Drift | null
}

export interface ApprovalView {
  readonly person: string
  readonly decision: 'approve' | 'reject'
  readonly comment: string | null
  readonly at: string
  readonly revokedAt: string | null
}

/** A request as `GET /requests/{id}` answers it; the fields of a single item stand at the top too. */
export interface RequestView extends Partial<ItemView> {
  readonly id: string
  readonly kind: RequestKind
  /** The recall that a restore undoes. */
  readonly recall: string | null
  readonly breakGlass: BreakGlassView | null
  readonly state: RequestState
  readonly lane: {
    readonly name: string
    readonly version: number
    readonly from: string
    readonly to: string
  }
  readonly requester: string
  readonly setDigest: string
  readonly reason: string | null
  readonly links: { readonly [name: string]: string }
  readonly items: readonly ItemView[]
  readonly gates: readonly GateReport[]
  readonly approvals: readonly ApprovalView[]
  readonly promotion: PromotionView | null
  readonly createdAt: string
  readonly decidedAt: string | null
  readonly expiresAt: string
}

interface RequestRow {
  readonly id: string
  readonly kind: RequestKind
  readonly recall: string | null
  readonly state: RequestState
  readonly lane: string
  readonly laneVersion: number
  readonly from: string
  readonly to: string
  readonly address: string | null
  readonly requesterId: string
  readonly setDigest: string
  readonly reason: string | null
  readonly links: RequestView['links']
  readonly gates: readonly GateReport[] | null
  readonly createdAt: Date
  readonly decidedAt: Date | null
  readonly expiresAt: Date
}

/** Requests with everything a screen shows, in the order of the ids; unknown ids are left out. */
export async function readRequests(tx: Transaction, ids: readonly string[]): Promise<RequestView[]> {
  if (ids.length === 0) return []
  const rows = await tx.$queryRaw<RequestRow[]>`
    select r.id, r.kind, r.recall_id as recall, r.state, l.name as lane, r.lane_version as "laneVersion", fn.name as "from", tn.name as "to", remote_address(l.to_feed_id) as address,
      r.requester_id as "requesterId", r.set_digest as "setDigest", r.reason, r.links,
      (select g.report -> 'gates' from gate_report g where g.request_id = r.id order by g.at desc, g.id desc limit 1) as gates,
      r.created_at as "createdAt", r.decided_at as "decidedAt", r.expires_at as "expiresAt"
    from request r join lane l on l.id = r.lane_id
      left join feed_name fn on fn.feed_id = l.from_feed_id and fn.is_current
      left join feed_name tn on tn.feed_id = l.to_feed_id and tn.is_current
    where r.id = any (${[...ids]}::uuid[])`
  const items = await readItemViews(tx, ids)
  const approvals = await readApprovals(tx, ids)
  const promotions = await readPromotions(tx, ids)
  const broken = await readBreakGlass(tx, ids)
  const names = await principalNames(tx, [
    ...rows.map(({ requesterId }) => requesterId),
    ...approvals.map(({ personId }) => personId),
    ...broken.flatMap(({ personId, reviews }) => [personId, ...reviews.map((review) => review.personId)]),
  ])
  const nameOf = (id: string): string => names.get(id) ?? id
  return ids.flatMap((id) => {
    const row = rows.find((one) => one.id === id)
    if (row === undefined) return []
    const own = items.filter(({ requestId }) => requestId === id).map((item) => itemView(item, row))
    return {
      id,
      kind: row.kind,
      recall: row.recall,
      breakGlass: breakGlassView(
        broken.find(({ requestId }) => requestId === id),
        nameOf,
      ),
      state: row.state,
      lane: { name: row.lane, version: row.laneVersion, from: row.from, to: row.to },
      requester: nameOf(row.requesterId),
      setDigest: row.setDigest,
      reason: row.reason,
      links: row.links,
      items: own,
      ...(own.length === 1 && own[0]),
      gates: row.gates ?? [],
      approvals: approvals
        .filter(({ requestId }) => requestId === id)
        .map(({ personId, decision, comment, at, revokedAt }) => ({
          person: nameOf(personId),
          decision,
          comment,
          at: at.toISOString(),
          revokedAt: revokedAt?.toISOString() ?? null,
        })),
      promotion: promotions.find(({ requestId }) => requestId === id) ?? null,
      createdAt: row.createdAt.toISOString(),
      decidedAt: row.decidedAt?.toISOString() ?? null,
      expiresAt: row.expiresAt.toISOString(),
    }
  })
}

function breakGlassView(
  row: BreakGlassRow | undefined,
  nameOf: (id: string) => string,
): BreakGlassView | null {
  if (row === undefined) return null
  return {
    by: nameOf(row.personId),
    at: row.at.toISOString(),
    reviews: row.reviews.map(({ personId, comment, at }) => ({ person: nameOf(personId), comment, at })),
    needsReview: row.reviews.length < REVIEWS_NEEDED,
  }
}

interface ItemRow {
  readonly requestId: string
  readonly position: number
  readonly repository: string
  readonly tag: string | null
  readonly digest: string
  readonly mediaType: string
  readonly platforms: readonly string[]
  readonly targetRepository: string
  readonly manifests: number
  readonly blobs: number
  readonly bytes: bigint
  readonly tags: readonly { readonly tag: string; readonly expected: string | null }[]
  readonly current: string | null
  readonly movedAt: Date | null
}

/** Live, so that a screen shows at once that the source tag moved; of a remote source, as it was last seen. */
function readItemViews(tx: Transaction, ids: readonly string[]): Promise<ItemRow[]> {
  return tx.$queryRaw<ItemRow[]>`
    select i.request_id as "requestId", i.position, s.name as repository, i.source_tag as tag, i.digest,
      i.media_type as "mediaType", i.platforms, i.target_repository as "targetRepository", i.manifests, i.blobs, i.bytes,
      coalesce((select jsonb_agg(jsonb_build_object('tag', t.tag, 'expected', t.expected_digest) order by t.tag collate "C")
        from request_target t where t.request_id = i.request_id and t.position = i.position), '[]') as tags,
      c.digest as current,
      coalesce(c.moved_at, (select m.at from tag_move m
        where m.repository_id = s.id and m.tag = i.source_tag order by m.id desc limit 1)) as "movedAt"
    from request_item i join repository s on s.id = i.source_repository_id
      left join current_tag c on c.repository_id = s.id and c.name = i.source_tag
    where i.request_id = any (${[...ids]}::uuid[]) order by i.request_id, i.position`
}

function itemView(
  item: ItemRow,
  { kind, from, to, address }: Pick<RequestRow, 'kind' | 'from' | 'to' | 'address'>,
): ItemView {
  const { digest, tag, current, movedAt } = item
  const drifted = tag !== null && current !== digest
  return {
    source: { feed: leadsBack(kind) ? to : from, repository: item.repository, tag },
    target: { feed: to, address, repository: item.targetRepository, tags: item.tags },
    digest,
    mediaType: item.mediaType,
    platforms: item.platforms,
    closure: { manifests: item.manifests, blobs: item.blobs, bytes: Number(item.bytes) },
    drift: drifted ? { from: digest, to: current, at: movedAt?.toISOString() ?? null } : null,
  }
}

interface ApprovalRow {
  readonly requestId: string
  readonly personId: string
  readonly decision: 'approve' | 'reject'
  readonly comment: string | null
  readonly at: Date
  readonly revokedAt: Date | null
}

function readApprovals(tx: Transaction, ids: readonly string[]): Promise<ApprovalRow[]> {
  return tx.$queryRaw<ApprovalRow[]>`
    select request_id as "requestId", person_id as "personId", decision, comment, at, revoked_at as "revokedAt"
    from approval where request_id = any (${[...ids]}::uuid[]) order by at, id`
}
