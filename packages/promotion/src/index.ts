export {
  type BoundItem,
  type BoundMember,
  type BoundRequest,
  boundHash,
  closureHash,
  setDigest,
} from './binding.ts'
export { type CreationInput, decideCreation, immutableConflicts, type TargetTag } from './creation.ts'
export {
  type Decided,
  type Decider,
  type DecisionInput,
  decideApproval,
  decideCancel,
  decideRetry,
  decideRevoke,
  type StandingRequest,
} from './decision.ts'
export { type Issue, PromotionError, type PromotionErrorCode } from './errors.ts'
export { evaluateGates } from './evaluate.ts'
export type { GateInput, GateItem, GateReport, StandingApproval, Verdict } from './gates/gate.ts'
export { defaultPolicy, type Policy, parsePolicy, policyHash, type QuorumRule, quorumOf } from './policy.ts'
export { type AskedItem, type ResolvedItem, resolveItems } from './reference.ts'
export { decideStart, type Start, type StartInput, type StartRefusal } from './start.ts'
export {
  PROMOTION_TRANSITIONS,
  type PromotionState,
  REQUEST_TRANSITIONS,
  type RequestState,
} from './states.ts'
export {
  immutableBy,
  isReleaseTag,
  matchesTag,
  parseTagRules,
  type TagRules,
  TRUSTED_TAG_RULES,
} from './tag-rules.ts'
