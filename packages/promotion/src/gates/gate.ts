import type { Evidence } from '../evidence/evidence.ts'
import type { Policy } from '../policy.ts'
import type { RequestKind } from '../states.ts'

/** What a gate may look at: facts only, gathered by the store. Persons and principals are ids. */
export interface GateInput {
  readonly policy: Policy
  readonly now: Date
  readonly kind: RequestKind
  /** What stands against an item, or a part of it, in the target feed. */
  readonly recalls: readonly StandingRecall[]
  readonly requesterPersons: readonly string[]
  /** Every person behind a push of these manifests to the from feed, as the request found them. */
  readonly pusherPersons: readonly string[]
  /** The decisions that stand, of persons who can still sign in. */
  readonly approvals: readonly StandingApproval[]
  readonly items: readonly GateItem[]
  /** What the ticket system said of this request, in the order it came. */
  readonly tickets: readonly TicketState[]
}

export interface StandingRecall {
  readonly source: string
  /** What was recalled: the item itself, or an image that it contains. */
  readonly digest: string
  /** Where: the target feed, or one before it. */
  readonly feed: string
  readonly reason: string
}

export interface StandingApproval {
  readonly personId: string
  readonly groups: readonly string[]
  readonly decision: 'approve' | 'reject'
}

export interface GateItem {
  /** The source as people name it: `repository@digest`. */
  readonly source: string
  readonly digest: string
  /** The images of an index, one a platform; of an image, itself. */
  readonly platforms: readonly PlatformImage[]
  readonly targetTags: readonly string[]
  /** When the manifest came to the from feed's repository. */
  readonly pushedAt: Date
  /** All that is known of its digest and of its platforms' digests. */
  readonly evidence: readonly Evidence[]
  /** Why evidence that is attached to the image could not be read. */
  readonly unread: readonly string[]
  /** Why not all that is attached was looked at: what was not may say otherwise, so that no rule about evidence passes. */
  readonly incomplete?: readonly string[]
  /** Every name, current and former, of the feeds that its digest was promoted into before. */
  readonly reached: readonly string[]
}

export interface PlatformImage {
  /** `os/architecture[/variant]`; null where nothing names it. */
  readonly platform: string | null
  readonly digest: string
}

/** What a signed callback said of a ticket. */
export interface TicketState {
  readonly ticket: string
  readonly state: string
  /** When the ticket system says that it became so. */
  readonly at: Date
  /** The key of the lane that signed it. */
  readonly key: string
}

/** `block`: a rule refuses; `wait`: not yet. */
export type Verdict = 'pass' | 'block' | 'wait'

export type GateName =
  | 'quorum'
  | 'requester'
  | 'tagRule'
  | 'soak'
  | 'window'
  | 'predecessor'
  | 'evidence'
  | 'tests'
  | 'provenance'
  | 'sbom'
  | 'licences'
  | 'vulnerabilities'
  | 'signatures'
  | 'ticket'
  | 'recall'

export type GateReport = {
  readonly gate: GateName
  readonly verdict: Verdict
  readonly reasons: readonly string[]
  /** What was looked at, as plain JSON. */
  readonly inputs: { readonly [name: string]: unknown }
  /** RFC 3339: when waiting alone will be enough; null when something else must happen. */
  readonly until: string | null
}
