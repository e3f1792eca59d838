import { appendEntry, SYSTEM } from '../audit/entry.ts'
import type { Transaction } from '../transaction.ts'
import type { Run } from './begin.ts'
import { lockRequest, readTargets, subjectsOf } from './rows.ts'
import { holdRun } from './run-rows.ts'

/** What the target's registry served under one of the tags a moment ago; null: nothing. */
export interface ObservedTag {
  readonly position: number
  readonly tag: string
  readonly digest: string | null
}

export interface IntendInput {
  readonly observed: readonly ObservedTag[]
  /** Milliseconds in which the tags may be sent. */
  readonly leaseMs: number
  /** Milliseconds after that, in which what was sent may still arrive. */
  readonly timeoutMs: number
}

/**
 * Says that this run is about to set its tags in a registry elsewhere, after all that was approved was checked once
 * more, and takes the one-writer lease of each. From then on nobody takes the promotion back.
 * @throws StoreError fenced, tag_held while another promotion may set one of them, target_moved, tag_alerted, and
 *   what `admit` refuses for a hosted target
 */
export async function intend(
  tx: Transaction,
  run: Run,
  { observed, leaseMs, timeoutMs }: IntendInput,
): Promise<void> {
  const request = await lockRequest(tx, run.requestId)
  await holdRun(tx, run)
  const targets = await readTargets(tx, request)
  const entryId = await appendEntry(tx, {
    type: 'promotion.intended',
    actor: SYSTEM,
    subjects: subjectsOf(
      request,
      run.promotionId,
      run.items.map(({ digest }) => digest),
    ),
    payload: {
      attempt: run.attempt,
      boundHash: request.boundHash,
      targets: run.items.map(({ position, target, digest }) => ({
        repository: target.repository,
        digest,
        tags: targets
          .filter((one) => one.position === position)
          .map(({ tag }) => ({ tag, from: seenAt(observed, position, tag), to: digest })),
      })),
    },
  })
  await tx.$executeRaw`
    select intend(${run.promotionId}::uuid, ${run.attempt}::int, ${run.worker}, ${entryId}::uuid,
      ${JSON.stringify(observed)}::jsonb, ${leaseMs} * interval '1 millisecond', ${timeoutMs} * interval '1 millisecond')`
}

function seenAt(observed: readonly ObservedTag[], position: number, tag: string): string | null {
  return observed.find((one) => one.position === position && one.tag === tag)?.digest ?? null
}
