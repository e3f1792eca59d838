export { resolveBack } from './back.ts'
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
  type StandingPromotion,
  type StandingRequest,
} from './decision.ts'
export { type Issue, PromotionError, type PromotionErrorCode } from './errors.ts'
export { evaluateGates } from './evaluate.ts'
export {
  EVIDENCE_FORMATS,
  EVIDENCE_TYPES,
  type Evidence,
  type EvidenceFormat,
  type EvidenceSummary,
  type EvidenceType,
  type ReadEvidence,
  SEVERITIES,
  type Signed,
} from './evidence/evidence.ts'
export { type Certified, certifiedBy } from './evidence/certified.ts'
export { EVIDENCE_LIMIT, readEvidence, wrapSimpleSigning } from './evidence/read.ts'
export { readTrustedRoot } from './evidence/trusted-root.ts'
export type {
  GateInput,
  GateItem,
  GateReport,
  PlatformImage,
  StandingApproval,
  StandingRecall,
  TicketState,
  Verdict,
} from './gates/gate.ts'
export { type Carried, decideLate, type LateLayer, type LateVerdict } from './late.ts'
export {
  defaultPolicy,
  evidenceRulesOf,
  type Policy,
  parsePolicy,
  policyHash,
  type QuorumRule,
  quorumOf,
} from './policy.ts'
export type { Identity } from './signers.ts'
export { isRequired } from './required.ts'
export { type AskedItem, refuseRepeatedTargets, type ResolvedItem, resolveItems } from './reference.ts'
export {
  type HeldManifest,
  type Holdings,
  parseRetention,
  planRetention,
  type Retention,
  type RetentionPlan,
  type Retired,
} from './retention.ts'
export { type Reach, requireSatisfiable } from './satisfiable.ts'
export { decideStart, type Start, type StartInput, type StartRefusal } from './start.ts'
export {
  leadsBack,
  PROMOTION_TRANSITIONS,
  type PromotionState,
  type RequestKind,
  REQUEST_TRANSITIONS,
  type RequestState,
} from './states.ts'
export {
  immutableBy,
  isSignatureTag,
  matchesTag,
  parseTagRules,
  refuseTag,
  type TagRefusal,
  type TagRules,
  TRUSTED_TAG_RULES,
} from './tag-rules.ts'
export { pageInVersionOrder } from './version-order.ts'
export {
  isReleaseTag,
  isVirtualTag,
  releasesBehind,
  releasesWithin,
  resolveVirtual,
  virtualTags,
} from './versions.ts'
