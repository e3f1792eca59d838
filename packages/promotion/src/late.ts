import type { Evidence } from './evidence/evidence.ts'
import { evidenceRulesOf, type Policy } from './policy.ts'
import { isRequired } from './required.ts'

/** One layer of an artifact that came after a promotion. */
export type LateLayer =
  | {
      readonly layer: string
      readonly evidence: Pick<Evidence, 'type' | 'predicateType' | 'from'> & Pick<Evidence, 'summary'>
    }
  /** `passing`: it may be read another time. */
  | { readonly layer: string; readonly unread: string; readonly passing: boolean }

/** What a layer carries, as it is recorded. */
export type Carried = {
  readonly layer: string
  readonly type: string
  readonly predicateType: string | null
  readonly from: readonly string[]
}

export type LateVerdict =
  | { readonly verdict: 'admit' }
  | { readonly verdict: 'refuse' | 'wait'; readonly reason: string }

/**
 * May this artifact follow its image into the target? Only if the policy that was approved names, of everything in it,
 * the type and somebody who vouches for it: what nobody approved does not come along. Whether a test passed or a scan
 * is clean is not asked: that decides about images, and a report that turned worse is to be seen.
 */
export function decideLate(policy: Policy, layers: readonly LateLayer[]): LateVerdict {
  if (evidenceRulesOf(policy).length === 0) {
    return refuse('the policy that was approved asks for no evidence, so nothing follows the image')
  }
  if (layers.length === 0) return refuse('it has no layers, so it carries no evidence')
  const waits = layers.find((one) => 'unread' in one && one.passing)
  if (waits !== undefined && 'unread' in waits) return { verdict: 'wait', reason: waits.unread }
  for (const one of layers) {
    if ('unread' in one) return refuse(one.unread)
    const { type, predicateType, from, summary } = one.evidence
    if (summary.kind === 'unreadable')
      return refuse(`its ${type} of ${one.layer} cannot be read: ${summary.reason}`)
    if (isRequired(policy, one.evidence)) continue
    const what = predicateType === null ? type : `${type} (${predicateType})`
    const by = from.length === 0 ? 'nobody that the lane knows' : from.join(', ')
    return refuse(`no rule of the policy that was approved asks for ${what} by ${by}`)
  }
  return { verdict: 'admit' }
}

const refuse = (reason: string): LateVerdict => ({ verdict: 'refuse', reason })
