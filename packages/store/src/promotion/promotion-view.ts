import type { PromotionState } from '@sluice/promotion'
import type { Transaction } from '../transaction.ts'

export interface StepView {
  readonly name: string
  readonly state: 'running' | 'done'
  readonly startedAt: string
  readonly finishedAt: string | null
}

interface ItemProgress {
  readonly bytes: number
  readonly totalBytes: number
}

/** The latest promotion of a request, as `GET /requests/{id}` answers it. */
export interface PromotionView {
  readonly id: string
  readonly requestId: string
  readonly state: PromotionState
  readonly attempt: number
  readonly step: string | null
  readonly steps: readonly StepView[]
  readonly progress: {
    readonly bytes: number
    readonly totalBytes: number
    readonly blobs: number
    readonly totalBlobs: number
    readonly bytesPerSecond: number | null
    readonly secondsLeft: number | null
    /** Of each item of the request, in its order: what has arrived of it. */
    readonly items: readonly ItemProgress[]
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
  readonly bytes: number
  readonly blobs: number
  readonly totalBytes: number
  readonly totalBlobs: number
  readonly items: readonly ItemProgress[]
  /** Of the step that moves bytes; null where none did. */
  readonly moving: {
    readonly bytes: number
    readonly totalBytes: number
    readonly blobs: number
    readonly totalBlobs: number
    readonly bytesPerSecond: number
  } | null
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
        'bytesPerSecond', g.bytes_per_second) from promotion_progress g where g.promotion_id = p.id) as moving,
      coalesce((select jsonb_agg(jsonb_build_object('totalBytes', i.bytes, 'bytes', coalesce((select sum(m.size) from staged_member m
        where m.promotion_id = p.id and m.position = i.position), 0)) order by i.position)
        from request_item i where i.request_id = p.request_id), '[]') as items,
      staged.bytes, staged.blobs, total.bytes as "totalBytes", total.blobs as "totalBlobs"
    from (select distinct on (request_id) * from promotion where request_id = any (${[...requestIds]}::uuid[])
          order by request_id, created_at desc, id desc) p
      cross join lateral (select coalesce(sum(m.size), 0)::float8 as bytes,
        (count(*) filter (where m.kind = 'blob'))::int as blobs from staged_member m where m.promotion_id = p.id) staged
      cross join lateral (select coalesce(sum(i.bytes), 0)::float8 as bytes, coalesce(sum(i.blobs), 0)::int as blobs
        from request_item i where i.request_id = p.request_id) total`
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

function progressOf(row: Row): PromotionView['progress'] {
  const { state, moving, bytes, blobs, totalBytes, totalBlobs, items } = row
  const still = { bytesPerSecond: null, secondsLeft: null, items }
  if (state === 'SUCCEEDED') {
    // `admit` clears what was staged: all of it is in.
    const whole = items.map((item) => ({ bytes: item.totalBytes, totalBytes: item.totalBytes }))
    return { ...still, bytes: totalBytes, totalBytes, blobs: totalBlobs, totalBlobs, items: whole }
  }
  if (moving === null) return { bytes, totalBytes, blobs, totalBlobs, ...still }
  const { bytesPerSecond, ...counts } = moving
  if (state !== 'RUNNING' || bytesPerSecond === 0) return { ...counts, ...still }
  const secondsLeft = Math.ceil((counts.totalBytes - counts.bytes) / bytesPerSecond)
  return { ...counts, bytesPerSecond, secondsLeft, items }
}
