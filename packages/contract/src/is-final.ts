import type { PromotionState } from './promotions.ts'
import type { RequestState } from './requests.ts'

type Standing = {
  readonly state: RequestState
  readonly promotion: { readonly state: PromotionState } | null
}

/** Nothing more happens to this request unless a person asks for it; the stream ends here. */
export function isFinal({ state, promotion }: Standing): boolean {
  if (state === 'PENDING') return false
  if (state !== 'APPROVED') return true
  return promotion !== null && promotion.state !== 'QUEUED' && promotion.state !== 'RUNNING'
}
