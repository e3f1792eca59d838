import {
  boundHash,
  decideStart,
  evaluateGates,
  type PromotionState,
  parseTagRules,
  policyHash,
  setDigest,
  type TagRules,
} from '@sluice/promotion'
import { appendEntry, SYSTEM } from '../audit/entry.ts'
import type { Attached } from '../evidence/attached.ts'
import type { Transaction } from '../transaction.ts'
import { failPromotion } from './end.ts'
import { gateInput, recordGates } from './facts.ts'
import { readClosures, readLost, readSteps } from './run-rows.ts'
import {
  type ItemRow,
  type LockedPromotion,
  type LockedRequest,
  lockPromotion,
  lockRequest,
  readItems,
  readTargets,
  subjectsOf,
  type TargetRow,
} from './rows.ts'

/** One manifest or blob that a promotion brings. Size in bytes. */
export interface RunMember {
  readonly digest: string
  readonly kind: 'manifest' | 'blob'
  readonly mediaType: string
  readonly size: number
}

/** A repository of a feed, and whether a registry elsewhere keeps it. */
export interface RunEnd {
  readonly feedId: string
  /** Its name now, for messages. */
  readonly feed: string
  readonly repository: string
  readonly remote: boolean
  /** A cache of a registry elsewhere: what is not here comes from there. Never of a target. */
  readonly proxy: boolean
}

export interface RunItem {
  readonly position: number
  readonly digest: string
  readonly mediaType: string
  readonly source: RunEnd
  readonly target: RunEnd
  readonly tags: readonly string[]
  /** Blobs first, then manifests; the item's own manifest last. */
  readonly closure: readonly RunMember[]
}

/** A promotion in the hands of one worker: promotion, attempt and worker fence every write of it. */
export interface Run {
  readonly promotionId: string
  readonly requestId: string
  readonly attempt: number
  readonly worker: string
  readonly items: readonly RunItem[]
  /** Whether the target feed's registry is elsewhere. */
  readonly remoteTarget: boolean
  /** An earlier attempt was about to set tags there: they are to be set, whatever came since. */
  readonly intended: boolean
  /**
   * Blobs that the target did not serve in the last attempt, though it said that it has them: it is not asked about
   * them any more, but sent them.
   */
  readonly lost: 'all' | readonly string[]
  /** What earlier attempts have finished. */
  readonly steps: readonly { readonly name: string; readonly result: unknown }[]
}

export interface BeginInput {
  readonly promotionId: string
  readonly attempt: number
  readonly worker: string
  readonly leaseMs: number
}

export type Begun =
  | { readonly state: 'running'; readonly run: Run }
  /** Somebody else's, another attempt's, or not yet: there is nothing to do for this job. */
  | { readonly state: 'skip'; readonly why: string }
  | { readonly state: 'ended'; readonly promotionState: PromotionState }

/** The queue waits by a clock of its own: a job this much early is not turned away. */
const EARLY_MS = 1000

/**
 * Takes a QUEUED promotion for one worker, after looking again at all that its approval rests on
 * (DESIGN section 3, "Gates are evaluated again"). A refusal ends it as FAILED in the same transaction.
 * @param attached what hangs on its images now
 */
export async function begin(tx: Transaction, input: BeginInput, attached: Attached): Promise<Begun> {
  const { promotionId, attempt, worker, leaseMs } = input
  const [found] = await tx.$queryRaw<{ requestId: string }[]>`
    select request_id as "requestId" from promotion where id = ${promotionId}::uuid`
  if (found === undefined) return { state: 'skip', why: 'there is no such promotion' }
  const request = await lockRequest(tx, found.requestId)
  const promotion = await lockPromotion(tx, request.id)
  if (promotion?.id !== promotionId) return { state: 'skip', why: 'the request has a later promotion' }
  if (promotion.state !== 'QUEUED' && promotion.state !== 'RUNNING') {
    return { state: 'ended', promotionState: promotion.state }
  }
  if (promotion.state === 'RUNNING') return { state: 'skip', why: 'another worker runs it' }
  if (promotion.attempt !== attempt) return { state: 'skip', why: `attempt ${promotion.attempt} is due` }
  if (promotion.notBefore.getTime() > request.now.getTime() + EARLY_MS) {
    return { state: 'skip', why: `not before ${promotion.notBefore.toISOString()}` }
  }

  const items = await readItems(tx, request.id)
  const targets = await readTargets(tx, request)
  const closures = await readClosures(tx, request.id)
  if (!promotion.intended) {
    const not = await refuseStart(tx, request, promotion, { items, targets, closures }, attached)
    if (not !== null) return not
  }
  await tx.$executeRaw`
    update promotion set state = 'RUNNING', locked_by = ${worker}, tries = tries + 1,
      lease_until = now() + ${leaseMs} * interval '1 millisecond', started_at = coalesce(started_at, now()),
      error_code = null, error_message = null
    where id = ${promotionId}::uuid`
  await appendEntry(tx, {
    type: 'promotion.started',
    actor: SYSTEM,
    subjects: subjectsOf(
      request,
      promotionId,
      items.map(({ digest }) => digest),
    ),
    payload: { attempt, worker },
  })
  const target = await readFeed(tx, request.toFeedId)
  return {
    state: 'running',
    run: {
      promotionId,
      requestId: request.id,
      attempt,
      worker,
      remoteTarget: target.remote,
      intended: promotion.intended,
      items: items.map((item) => ({
        position: item.position,
        digest: item.digest,
        mediaType: item.mediaType,
        source: {
          feedId: item.sourceFeedId,
          feed: item.sourceFeed,
          repository: item.sourceRepository,
          remote: item.sourceRemote,
          proxy: item.sourceProxy,
        },
        target: { ...target, repository: item.targetRepository },
        tags: targets.filter(({ position }) => position === item.position).map(({ tag }) => tag),
        closure: rootLast(closures.get(item.position) ?? [], item.digest),
      })),
      lost: await readLost(tx, promotionId),
      steps: await readSteps(tx, promotionId),
    },
  }
}

interface Read {
  readonly items: readonly ItemRow[]
  readonly targets: readonly TargetRow[]
  readonly closures: ReadonlyMap<number, readonly RunMember[]>
}

/** Looks again at all that the approval rests on; null: it may run. */
async function refuseStart(
  tx: Transaction,
  request: LockedRequest,
  promotion: LockedPromotion,
  { items, targets, closures }: Read,
  attached: Attached,
): Promise<Begun | null> {
  const gates = evaluateGates(await gateInput(tx, request, attached))
  const start = decideStart({
    request,
    now: request.now,
    bindingHolds: await bindingHolds(tx, request, items, targets, closures),
    gates,
    targets: targets.map(({ position, tag, expected, current }) => {
      const item = items.find((one) => one.position === position)
      return { repository: item?.targetRepository ?? '', tag, digest: item?.digest ?? '', expected, current }
    }),
    tagRules: await readTagRules(tx, request.toFeedId),
  })
  if (start.verdict === 'wait') {
    await tx.$executeRaw`
      update promotion set not_before = ${start.until}, enqueued_at = null where id = ${promotion.id}::uuid`
    return { state: 'skip', why: start.why }
  }
  await recordGates(tx, request.id, 'start', gates, { attached })
  if (start.verdict === 'run') return null
  await failPromotion(tx, request, promotion, start)
  return { state: 'ended', promotionState: 'FAILED' }
}

/** The rows hash to what was approved: by our own account, and by Postgres's. */
async function bindingHolds(
  tx: Transaction,
  request: LockedRequest,
  items: readonly ItemRow[],
  targets: readonly TargetRow[],
  closures: ReadonlyMap<number, readonly RunMember[]>,
): Promise<boolean> {
  const digest = setDigest(
    items.map((item) => ({
      ...item,
      closure: closures.get(item.position) ?? [],
      tags: targets.filter(({ position }) => position === item.position),
    })),
  )
  const ours = boundHash({ ...request, requestId: request.id, setDigest: digest })
  const [theirs] = await tx.$queryRaw<{ setDigest: string; boundHash: string }[]>`
    select set_digest as "setDigest", bound_hash as "boundHash" from request_binding(${request.id}::uuid)`
  return (
    policyHash(request.policy) === request.policyHash &&
    digest === request.setDigest &&
    ours === request.boundHash &&
    theirs?.setDigest === request.setDigest &&
    theirs.boundHash === request.boundHash
  )
}

async function readFeed(tx: Transaction, feedId: string): Promise<Omit<RunEnd, 'repository'>> {
  const [row] = await tx.$queryRaw<{ feed: string; remote: boolean }[]>`
    select n.name as feed, f.kind = 'remote' as remote from feed f join feed_name n on n.feed_id = f.id and n.is_current
    where f.id = ${feedId}::uuid`
  return { feedId, feed: row?.feed ?? '', remote: row?.remote ?? false, proxy: false }
}

async function readTagRules(tx: Transaction, feedId: string): Promise<TagRules> {
  const [row] = await tx.$queryRaw<{ rules: unknown }[]>`
    select tag_rules as rules from feed where id = ${feedId}::uuid`
  return parseTagRules(row?.rules ?? {})
}

function rootLast(members: readonly RunMember[], root: string): RunMember[] {
  const rank = ({ kind, digest }: RunMember): number => (kind === 'blob' ? 0 : digest === root ? 2 : 1)
  return [...members].sort((a, b) => rank(a) - rank(b))
}
