import type { PromotionState } from '@sluice/promotion'
import type { Transaction } from '../transaction.ts'
import type { Counts } from './steps.ts'

export interface StepView {
  readonly name: string
  readonly state: 'running' | 'done'
  readonly startedAt: string
  readonly finishedAt: string | null
}

/** The latest promotion of a request, as `GET /requests/{id}` answers it. */
export interface PromotionView {
  readonly id: string
  readonly requestId: string
  readonly state: PromotionState
  readonly attempt: number
  readonly step: string | null
  readonly steps: readonly StepView[]
  readonly progress: Counts & {
    readonly bytesPerSecond: number | null
    readonly secondsLeft: number | null
    /** Of each item of the request, in their order. */
    readonly items: readonly Counts[]
  }
  readonly error: { readonly code: string; readonly message: string } | null
  readonly startedAt: string | null
  readonly finishedAt: string | null
}

interface Row {
  readonly id: string
  readonly requestId: string
  readonly state: PromotionState
  readonly attempt: number
  readonly step: string | null
  readonly errorCode: string | null
  readonly errorMessage: string | null
  readonly startedAt: Date | null
  readonly finishedAt: Date | null
  readonly steps: readonly { name: string; startedAt: string; finishedAt: string | null }[]
  /** What is staged of each item, and all of it. */
  readonly items: readonly Counts[]
  /** Of the step that moves bytes; null where none did. */
  readonly moving: (Counts & { readonly bytesPerSecond: number; readonly items: readonly Counts[] }) | null
}

/** The latest promotion of each of these requests. */
export async function readPromotions(
  tx: Transaction,
  requestIds: readonly string[],
): Promise<PromotionView[]> {
  const rows = await tx.$queryRaw<Row[]>`
    select p.id, p.request_id as "requestId", p.state, p.attempt, p.step, p.error_code as "errorCode",
      p.error_message as "errorMessage", p.started_at as "startedAt", p.finished_at as "finishedAt",
      coalesce((select jsonb_agg(jsonb_build_object('name', s.name, 'startedAt', s.started_at, 'finishedAt', s.finished_at)
        order by s.started_at) from promotion_step s where s.promotion_id = p.id), '[]') as steps,
      (select jsonb_build_object('bytes', g.bytes, 'totalBytes', g.total_bytes, 'blobs', g.blobs, 'totalBlobs', g.total_blobs,
        'bytesPerSecond', g.bytes_per_second, 'items', g.items) from promotion_progress g where g.promotion_id = p.id) as moving,
      (select jsonb_agg(jsonb_build_object('bytes', m.bytes, 'totalBytes', i.bytes, 'blobs', m.blobs, 'totalBlobs', i.blobs)
        order by i.position) from request_item i cross join lateral (
          select coalesce(sum(x.size), 0) as bytes, count(*) filter (where x.kind = 'blob') as blobs
          from staged_member x where x.promotion_id = p.id and x.position = i.position) m
        where i.request_id = p.request_id) as items
    from (select distinct on (request_id) * from promotion where request_id = any (${[...requestIds]}::uuid[])
          order by request_id, created_at desc, id desc) p`
  return rows.map(promotionView)
}

function promotionView(row: Row): PromotionView {
  const { id, requestId, state, attempt, step } = row
  return {
    id,
    requestId,
    state,
    attempt,
    step,
    steps: row.steps.map(({ name, startedAt, finishedAt }) => ({
      name,
      state: finishedAt === null ? 'running' : 'done',
      startedAt: new Date(startedAt).toISOString(),
      finishedAt: finishedAt === null ? null : new Date(finishedAt).toISOString(),
    })),
    progress: progressOf(row),
    error: row.errorCode === null ? null : { code: row.errorCode, message: row.errorMessage ?? '' },
    startedAt: row.startedAt?.toISOString() ?? null,
    finishedAt: row.finishedAt?.toISOString() ?? null,
  }
}

function progressOf({ state, moving, items }: Row): PromotionView['progress'] {
  const still = { bytesPerSecond: null, secondsLeft: null }
  if (state === 'SUCCEEDED') {
    // `admit` clears what was staged: all of it is in.
    const whole = items.map((item) => ({ ...item, bytes: item.totalBytes, blobs: item.totalBlobs }))
    return { ...sum(whole), ...still, items: whole }
  }
  if (moving === null) return { ...sum(items), ...still, items }
  const { bytesPerSecond, ...counts } = moving
  if (state !== 'RUNNING' || bytesPerSecond === 0) return { ...counts, ...still }
  const secondsLeft = Math.ceil((counts.totalBytes - counts.bytes) / bytesPerSecond)
  return { ...counts, bytesPerSecond, secondsLeft }
}

function sum(items: readonly Counts[]): Counts {
  const of = (key: keyof Counts) => items.reduce((all, item) => all + item[key], 0)
  return {
    bytes: of('bytes'),
    totalBytes: of('totalBytes'),
    blobs: of('blobs'),
    totalBlobs: of('totalBlobs'),
  }
}
