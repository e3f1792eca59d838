import { appendEntry, SYSTEM } from '../audit/entry.ts'
import type { Transaction } from '../transaction.ts'
import type { Run } from './begin.ts'
import { type Ending, endPromotion, failPromotion } from './end.ts'
import { type LockedRequest, lockRequest, readTargets, subjectsOf } from './rows.ts'
import { holdRun } from './run-rows.ts'
import { finishStep } from './steps.ts'

/** How often a promotion is tried before a person must ask for more. */
export const AUTOMATIC_TRIES = 5

/**
 * Lets everything in, or nothing: entry, step, admissions, memberships, tags and state are one
 * transaction, and `admit` checks all that was approved once more under its locks; where the target is elsewhere,
 * `intend` did that before the tags were set there.
 * @throws StoreError fenced, and `admit`'s refusals: target_moved, request_expired, quorum_missing,
 *   binding_mismatch, closure_incomplete, request_state
 */
export async function commit(tx: Transaction, run: Run): Promise<void> {
  const request = await lockRequest(tx, run.requestId)
  await holdRun(tx, run)
  await finishStep(tx, run, 'commit', {})
  const targets = await readTargets(tx, request)
  const repositories = await targetRepositories(tx, run, request)
  const previous = run.remoteTarget ? await readPrevious(tx, run) : new Map<string, string | null>()
  const digests = run.items.map(({ digest }) => digest)
  const entryId = await appendEntry(tx, {
    type: 'promotion.succeeded',
    actor: SYSTEM,
    subjects: [...subjectsOf(request, run.promotionId, digests), ...repositories],
    payload: {
      attempt: run.attempt,
      boundHash: request.boundHash,
      targets: run.items.map(({ position, target: { repository }, digest }) => ({
        repository,
        digest,
        tags: targets
          .filter((target) => target.position === position)
          .map(({ tag, current }) => ({
            tag,
            from: run.remoteTarget ? (previous.get(`${repository}:${tag}`) ?? null) : current,
            to: digest,
          })),
      })),
    },
  })
  await tx.$executeRaw`select admit(${run.promotionId}::uuid, ${run.attempt}::int, ${run.worker}, ${entryId}::uuid)`
}

/** What each tag was on when this promotion first took it. */
async function readPrevious(tx: Transaction, run: Run): Promise<Map<string, string | null>> {
  const rows = await tx.$queryRaw<{ name: string; previous: string | null }[]>`
    select repository || ':' || tag as name, previous from commit_intent where promotion_id = ${run.promotionId}::uuid`
  return new Map(rows.map(({ name, previous }) => [name, previous]))
}

/** Those that exist already; a repository that this promotion makes is found by its entry's payload. */
async function targetRepositories(tx: Transaction, run: Run, request: LockedRequest): Promise<string[]> {
  const names = run.items.map(({ target }) => target.repository)
  const rows = await tx.$queryRaw<{ id: string }[]>`
    select id from repository where feed_id = ${request.toFeedId}::uuid and name = any (${names}::text[])`
  return rows.map(({ id }) => `repository:${id}`)
}

/** Ends a run that a rule refused: FAILED, nothing visible. @throws StoreError fenced */
export async function fail(tx: Transaction, run: Run, ending: Ending): Promise<void> {
  const request = await lockRequest(tx, run.requestId)
  await holdRun(tx, run)
  await failPromotion(tx, request, { id: run.promotionId, attempt: run.attempt }, ending)
}

/**
 * Ends an attempt because machinery broke: QUEUED again after a growing pause, or ERRORED when it
 * was tried often enough. @throws StoreError fenced
 */
export async function broke(
  tx: Transaction,
  run: Run,
  { maxTries, ...ending }: Ending & { readonly maxTries: number },
): Promise<'retry' | 'errored'> {
  const request = await lockRequest(tx, run.requestId)
  const { tries } = await holdRun(tx, run)
  return tryAgain(tx, request, { id: run.promotionId, attempt: run.attempt, tries }, ending, maxTries)
}

/** What becomes of a locked promotion whose attempt came to nothing. */
export async function tryAgain(
  tx: Transaction,
  request: Pick<LockedRequest, 'id' | 'laneId' | 'toFeedId'>,
  promotion: { readonly id: string; readonly attempt: number; readonly tries: number },
  { code, message }: Ending,
  maxTries: number,
): Promise<'retry' | 'errored'> {
  const again = promotion.tries < maxTries
  await appendEntry(tx, {
    type: again ? 'promotion.requeued' : 'promotion.errored',
    actor: SYSTEM,
    subjects: subjectsOf(request, promotion.id),
    payload: { attempt: promotion.attempt, tries: promotion.tries, code, message },
  })
  if (!again) {
    await endPromotion(tx, promotion.id, 'ERRORED', { code, message })
    return 'errored'
  }
  const pauseSeconds = Math.min(2 ** (promotion.tries - 1), 60)
  await tx.$executeRaw`
    update promotion set state = 'QUEUED', attempt = attempt + 1, enqueued_at = null, locked_by = null,
      lease_until = null, not_before = now() + ${pauseSeconds} * interval '1 second',
      error_code = ${code}, error_message = ${message}
    where id = ${promotion.id}::uuid`
  return 'retry'
}
