import { evidenceRulesOf, leadsBack, type Policy } from '@sluice/promotion'
import type { Actor } from '../actor.ts'
import { StoreError } from '../errors.ts'
import { type Attached, NOTHING_ATTACHED, readAttached } from '../evidence/attached.ts'
import { type BlobReader, layersOf } from '../evidence/layers.ts'
import { isId } from '../id.ts'
import type { Remotes } from '../remotes/index.ts'
import { type Connections, type Transaction, transaction } from '../transaction.ts'
import { type BeginInput, type Begun, begin, type Run } from './begin.ts'
import { type BreakGlass, breakGlass, reviewBreakGlass } from './break-glass.ts'
import { createRequest, type NewRequest } from './create.ts'
import { cancelRequest, type Decision, decide, retryPromotion, revokeApproval } from './decide.ts'
import { findDigest } from './digests.ts'
import type { Ending } from './end.ts'
import { broke, commit, fail } from './finish.ts'
import { findPromotion, listPromotions, type PromotionFilter } from './history.ts'
import { type IntendInput, intend } from './intend.ts'
import { listRequests, type RequestFilter } from './list.ts'
import { lookAgain } from './look-again.ts'
import { type Asked, prepare } from './prepare.ts'
import {
  createRecall,
  listRecalls,
  type NewRecall,
  type RecallFilter,
  type RecallView,
  readRecalls,
} from './recalls.ts'
import { type Handed, handOver } from './relay.ts'
import {
  finishStep,
  markVerified,
  type Progress,
  readBlobs,
  readManifest,
  receiveBlob,
  renew,
  type StagedMember,
  stage,
  staged,
  startOver,
  startStep,
  tellProgress,
} from './steps.ts'
import { sweep } from './sweep.ts'
import { type RequestView, readRequests } from './view.ts'
import { weeksOf, type WeeksQuery } from './weeks.ts'

/** Commands and views of requests. Whether the caller may see or touch one is asked of `scope` first. */
export function requests(connections: Connections, remotes: Remotes) {
  const { prisma } = connections
  const get = async (id: string): Promise<RequestView | null> => {
    const [view] = isId(id) ? await readRequests(prisma, [id]) : []
    return view ?? null
  }
  const command = async (id: string, run: (tx: Transaction) => Promise<void>): Promise<RequestView> => {
    await transaction(prisma, run)
    return known(await get(id), id)
  }
  return {
    get,
    /** @param storage where evidence that hangs on the images is read; without it there is none */
    async create(
      actor: Actor,
      asked: NewRequest,
      storage?: BlobReader,
    ): Promise<{ request: RequestView; created: boolean }> {
      await remotes.look.forRequest(asked)
      const attached = await attachedTo(connections, remotes, actor, asked, storage)
      const { id, created } = await transaction(prisma, (tx) => createRequest(tx, actor, asked, attached))
      return { request: known(await get(id), id), created }
    },
    /** Lets an image in without a quorum, on record. Whether the actor may is asked of its grants first. */
    async breakGlass(actor: Actor, asked: BreakGlass): Promise<RequestView> {
      await remotes.look.forRequest(asked)
      const id = await transaction(prisma, (tx) => breakGlass(tx, actor, asked))
      return known(await get(id), id)
    },
    review: (actor: Actor, id: string, review: { readonly comment: string }) =>
      command(id, (tx) => reviewBreakGlass(tx, actor, id, review)),
    /** Every gate with its verdict, and what would be fixed; nothing is written. */
    async evaluate(actor: Actor, asked: Asked, storage?: BlobReader) {
      await remotes.look.forRequest(asked)
      const attached = await attachedTo(connections, remotes, actor, asked, storage)
      const { items, gates, lane, kind } = await transaction(prisma, (tx) =>
        prepare(tx, actor, asked, attached),
      )
      return {
        gates,
        items: items.map(
          ({ sourceRepository, sourceTag, digest, mediaType, targetRepository, tags, frozen }) => ({
            source: {
              feed: leadsBack(kind) ? lane.to : lane.from,
              repository: sourceRepository,
              tag: sourceTag,
            },
            target: { feed: lane.to, address: lane.toAddress, repository: targetRepository, tags },
            digest,
            mediaType,
            platforms: frozen.platforms,
            closure: { manifests: frozen.manifests, blobs: frozen.blobs, bytes: frozen.bytes },
          }),
        ),
      }
    },
    /** The feeds and the requester that the right to this request hangs on; null when it does not exist. */
    async scope(id: string): Promise<{ fromFeedId: string; toFeedId: string; requesterId: string } | null> {
      if (!isId(id)) return null
      const [row] = await prisma.$queryRaw<{ fromFeedId: string; toFeedId: string; requesterId: string }[]>`
        select l.from_feed_id as "fromFeedId", l.to_feed_id as "toFeedId", r.requester_id as "requesterId"
        from request r join lane l on l.id = r.lane_id where r.id = ${id}::uuid`
      return row ?? null
    },
    list: (filter: RequestFilter) => listRequests(prisma, filter),
    /** @param storage where evidence that hangs on the images by now is read */
    async approve(
      actor: Actor,
      id: string,
      decision: Omit<Decision, 'decision'>,
      storage?: BlobReader,
    ): Promise<RequestView> {
      await remotes.look.evidence(id)
      const attached = await lookAgain(prisma, { requestId: id }, remotes, storage)
      return command(id, (tx) => decide(tx, actor, id, { ...decision, decision: 'approve' }, attached))
    },
    reject: (actor: Actor, id: string, decision: Omit<Decision, 'decision'>) =>
      command(id, (tx) => decide(tx, actor, id, { ...decision, decision: 'reject' })),
    revokeApproval: (actor: Actor, id: string) => command(id, (tx) => revokeApproval(tx, actor, id)),
    cancel: (actor: Actor, id: string) => command(id, (tx) => cancelRequest(tx, actor, id)),
    retry: (actor: Actor, id: string) => command(id, (tx) => retryPromotion(tx, actor, id)),
  }
}

/**
 * The evidence beside the images that are asked for, read before the transaction that decides: storage may
 * be slow. What is wrong with the request itself, that transaction says.
 */
async function attachedTo(
  { prisma }: Connections,
  remotes: Remotes,
  actor: Actor,
  { lane, kind = 'promote', items, reason, links }: Asked,
  storage?: BlobReader,
): Promise<Attached> {
  // What leads back is asked for no evidence.
  if (storage === undefined || leadsBack(kind)) return NOTHING_ATTACHED
  const [now] = await prisma.$queryRaw<{ policy: Policy }[]>`
    select v.policy from lane l join lane_version v on v.lane_id = l.id
    where l.name = ${lane} and l.deleted_at is null order by v.version desc limit 1`
  if (now === undefined || evidenceRulesOf(now.policy).length === 0) return NOTHING_ATTACHED
  const asked = { lane, items, ...(reason !== undefined && { reason }), ...(links && { links }) }
  const prepared = await transaction(prisma, (tx) => prepare(tx, actor, asked)).catch((error: unknown) => {
    if (error instanceof StoreError && error.code !== 'unavailable') return null
    throw error
  })
  if (prepared === null) return NOTHING_ATTACHED
  return readAttached(
    prisma,
    prepared.items.map(({ digest, sourceRepositoryId, frozen }) => ({
      digest,
      sourceRepositoryId,
      platforms: frozen.images,
    })),
    layersOf(prisma, remotes, storage),
  )
}

/** What a worker does with promotions; every write is fenced by promotion, attempt and worker. */
export function runs(connections: Connections, remotes: Remotes) {
  const { prisma } = connections
  const fenced = <T>(write: (tx: Transaction) => Promise<T>): Promise<T> => transaction(prisma, write)
  return {
    handOver: (limit: number, add: (job: Handed) => Promise<void>) =>
      fenced((tx) => handOver(tx, limit, add)),
    /** @param storage where evidence that hangs on the images by now is read */
    async begin(input: BeginInput, storage?: BlobReader): Promise<Begun> {
      const attached = await lookAgain(prisma, input, remotes, storage)
      return fenced((tx) => begin(tx, input, attached))
    },
    renew: (run: Run, leaseMs: number) => renew(prisma, run, leaseMs),
    startStep: (run: Run, name: string) => fenced((tx) => startStep(tx, run, name)),
    finishStep: (run: Run, name: string, result: Parameters<typeof finishStep>[3]) =>
      fenced((tx) => finishStep(tx, run, name, result)),
    stage: (run: Run, members: readonly StagedMember[]) => fenced((tx) => stage(tx, run, members)),
    staged: (run: Run) => staged(prisma, run),
    markVerified: (run: Run, position: number, digests: readonly string[]) =>
      fenced((tx) => markVerified(tx, run, position, digests)),
    readManifest: (digest: string) => readManifest(prisma, digest),
    blobs: (digests: readonly string[]) => readBlobs(prisma, digests),
    startOver: (run: Run, blob?: string) => fenced((tx) => startOver(tx, run, blob)),
    receiveBlob: (run: Run, blob: { digest: string; size: number; storageKey: string }) =>
      fenced((tx) => receiveBlob(tx, run, blob)),
    tellProgress: (run: Run, progress: Progress) => tellProgress(prisma, run, progress),
    intend: (run: Run, input: IntendInput) => fenced((tx) => intend(tx, run, input)),
    commit: (run: Run) => fenced((tx) => commit(tx, run)),
    fail: (run: Run, ending: Ending) => fenced((tx) => fail(tx, run, ending)),
    broke: (run: Run, ending: Ending & { maxTries: number }) => fenced((tx) => broke(tx, run, ending)),
    sweep: (input: { now: Date }) => sweep(connections, input),
  }
}

/** The history of what was executed. */
export function promotions({ prisma }: Connections) {
  return {
    list: (filter: PromotionFilter) => listPromotions(prisma, filter),
    get: (id: string, visibleFeedIds: readonly string[]) => findPromotion(prisma, id, visibleFeedIds),
    weeks: (query: WeeksQuery) => weeksOf(prisma, query),
  }
}

/** Withdrawing what was let in. Whether the actor may is asked of its grants first, and by Postgres again. */
export function recalls({ prisma }: Connections) {
  return {
    /** Answers the recall that stands already, when there is one. @throws StoreError digest_unknown, invalid */
    async create(actor: Actor, asked: NewRecall): Promise<{ recall: RecallView; created: boolean }> {
      const { id, created } = await transaction(prisma, (tx) => createRecall(tx, actor, asked))
      const [recall] = await readRecalls(prisma, [id])
      if (recall === undefined) throw new StoreError('not_found', `there is no recall ${id}`)
      return { recall, created }
    },
    list: (filter: RecallFilter) => listRecalls(prisma, filter),
  }
}

/** What is known of a digest. */
export function digests({ prisma }: Connections) {
  return {
    get: (digest: string, visibleFeedIds: readonly string[]) => findDigest(prisma, digest, visibleFeedIds),
  }
}

function known(view: RequestView | null, id: string): RequestView {
  if (view === null) throw new StoreError('not_found', `there is no request ${id}`)
  return view
}

export { type VerifyQuestion, verify } from './verify.ts'
