import type { GateReport, Promotion, PromotionState, Request, RequestState } from '@sluice/contract'
import type { ReactNode } from 'react'

export type Tone = 'good' | 'wait' | 'bad' | 'run' | 'accent' | 'neutral'

export function Chip({
  tone,
  plain = false,
  children,
}: {
  tone: Tone
  plain?: boolean
  children: ReactNode
}) {
  return <span className={`chip ${tone}${plain ? ' plain' : ''}`}>{children}</span>
}

const REQUEST: Record<Exclude<RequestState, 'APPROVED'>, readonly [Tone, string]> = {
  PENDING: ['wait', 'Pending'],
  REJECTED: ['bad', 'Rejected'],
  CANCELLED: ['neutral', 'Cancelled'],
  EXPIRED: ['neutral', 'Expired'],
  INVALIDATED: ['bad', 'Invalidated'],
}
const PROMOTION: Record<PromotionState, readonly [Tone, string]> = {
  QUEUED: ['run', 'Queued'],
  RUNNING: ['run', 'Running'],
  SUCCEEDED: ['good', 'Promoted'],
  FAILED: ['bad', 'Failed'],
  ERRORED: ['bad', 'Errored'],
  CANCELLED: ['neutral', 'Cancelled'],
}

/** One word for where a request is: its own state until it is approved, then that of its promotion. */
export function RequestChip({ state, promotion }: { state: RequestState; promotion: Promotion | null }) {
  const [tone, word] =
    state !== 'APPROVED'
      ? REQUEST[state]
      : promotion === null
        ? (['run', 'Approved'] as const)
        : PROMOTION[promotion.state]
  return <Chip tone={tone}>{word}</Chip>
}

/** What kind of request it is, where it is no ordinary promotion. */
export function KindChip({
  request: { kind, breakGlass },
}: {
  request: Pick<Request, 'kind' | 'breakGlass'>
}) {
  if (kind === 'restore' || kind === 'rollback') {
    return (
      <Chip tone="accent" plain>
        {kind}
      </Chip>
    )
  }
  if (kind !== 'break-glass') return null
  return (
    <>
      <Chip tone="bad" plain>
        break-glass
      </Chip>
      {breakGlass?.needsReview === true && <Chip tone="wait">Needs review</Chip>}
    </>
  )
}

export function PromotionChip({ state }: { state: PromotionState }) {
  const [tone, word] = PROMOTION[state]
  return <Chip tone={tone}>{word}</Chip>
}

const VERDICT: Record<GateReport['verdict'], readonly [Tone, string]> = {
  pass: ['good', 'Passes'],
  wait: ['wait', 'Waits'],
  block: ['bad', 'Blocks'],
}

export function VerdictChip({ verdict }: { verdict: GateReport['verdict'] }) {
  const [tone, word] = VERDICT[verdict]
  return <Chip tone={tone}>{word}</Chip>
}
