import type { Policy } from '../policy.ts'

/** What a gate may look at: facts only, gathered by the store. Persons and principals are ids. */
export interface GateInput {
  readonly policy: Policy
  readonly now: Date
  readonly requesterPersons: readonly string[]
  /** Every person behind a push of these manifests to the from feed, as the request found them. */
  readonly pusherPersons: readonly string[]
  /** The decisions that stand, of persons who can still sign in. */
  readonly approvals: readonly StandingApproval[]
  readonly items: readonly GateItem[]
}

export interface StandingApproval {
  readonly personId: string
  readonly groups: readonly string[]
  readonly decision: 'approve' | 'reject'
}

export interface GateItem {
  /** The source as people name it: `repository@digest`. */
  readonly source: string
  readonly targetTags: readonly string[]
  /** When the manifest came to the from feed's repository. */
  readonly pushedAt: Date
}

/** `block`: a rule refuses; `wait`: not yet. */
export type Verdict = 'pass' | 'block' | 'wait'

export type GateReport = {
  readonly gate: 'quorum' | 'requester' | 'tagRule' | 'soak'
  readonly verdict: Verdict
  readonly reasons: readonly string[]
  /** What was looked at, as plain JSON. */
  readonly inputs: { readonly [name: string]: unknown }
  /** RFC 3339: when waiting alone will be enough; null when something else must happen. */
  readonly until: string | null
}
