/** What a piece of evidence is about, whatever its format. */
export const EVIDENCE_TYPES = [
  'test',
  'provenance',
  'sbom',
  'vulnerabilities',
  'vex',
  'signature',
  /** An in-toto statement of any other predicate. */
  'statement',
] as const
export type EvidenceType = (typeof EVIDENCE_TYPES)[number]

/** How it was written down. */
export const EVIDENCE_FORMATS = [
  'dsse',
  'bundle',
  'statement',
  'simplesigning',
  'trivy',
  'grype',
  'sarif',
  'cyclonedx',
  'spdx',
  'openvex',
  'junit',
] as const
export type EvidenceFormat = (typeof EVIDENCE_FORMATS)[number]

export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'negligible', 'unknown'] as const
export type Severity = (typeof SEVERITIES)[number]

export type TestSummary = {
  readonly kind: 'test'
  readonly result: 'PASSED' | 'WARNED' | 'FAILED'
  readonly passed: number
  readonly warned: number
  readonly failed: number
  /** The first few. */
  readonly failedTests: readonly string[]
}

export type ProvenanceSummary = {
  readonly kind: 'provenance'
  readonly builder: string
  readonly buildType: string | null
}

export type SbomSummary = {
  readonly kind: 'sbom'
  readonly packages: number
  /** Each licence expression once; null: packages that name none. `packages`: the first few. */
  readonly licences: readonly {
    readonly licence: string | null
    readonly count: number
    readonly packages: readonly string[]
  }[]
}

export type Finding = {
  readonly id: string
  readonly severity: Severity
  readonly package: string
  readonly version: string
  /** The version that mends it; null: none is known. */
  readonly fixed: string | null
}

export type VulnerabilitySummary = {
  readonly kind: 'vulnerabilities'
  readonly scanner: string
  readonly findings: readonly Finding[]
}

export const VEX_STATUSES = ['not_affected', 'affected', 'fixed', 'under_investigation'] as const

export type VexStatement = {
  /** Its name and aliases. */
  readonly vulnerabilities: readonly string[]
  readonly status: (typeof VEX_STATUSES)[number]
  readonly justification: string | null
  /** The image digests that it says it is about; empty: of whatever the document is bound to. */
  readonly images: readonly string[]
  /** It names products, and none of them by an image digest. */
  readonly elsewhere: boolean
  /** Package names that it is limited to; empty: all. */
  readonly packages: readonly string[]
}

export type VexSummary = { readonly kind: 'vex'; readonly statements: readonly VexStatement[] }

export type EvidenceSummary =
  | TestSummary
  | ProvenanceSummary
  | SbomSummary
  | VulnerabilitySummary
  | VexSummary
  | { readonly kind: 'signature' }
  | { readonly kind: 'statement' }
  /** Of a known type, but not to be read: it never counts, and never lets an older one count. */
  | { readonly kind: 'unreadable'; readonly reason: string }

/** What signatures it carries, over which bytes. */
export type Signed = {
  /** Null: the manifest that it is about, whose bytes its one subject is the digest of. */
  readonly message: Uint8Array | null
  readonly signatures: readonly Uint8Array[]
}

/** A piece of evidence as it was read from its raw bytes. */
export interface ReadEvidence {
  readonly type: EvidenceType
  readonly format: EvidenceFormat
  /** Of an in-toto statement. */
  readonly predicateType: string | null
  /** The image digests that it names; null: it names none, and is about what its sender says. */
  readonly subjects: readonly string[] | null
  /** `sha256:` over what it says: the payload where that is wrapped, so that a rewrapped copy is no news. */
  readonly contentDigest: string
  /** When it says it was made. */
  readonly claimedAt: Date | null
  readonly summary: EvidenceSummary
  readonly signed: Signed | null
}

/** A stored piece of evidence, as a gate looks at it. */
export interface Evidence {
  readonly id: string
  /** The digest it is about: of an index, or of one platform's image. */
  readonly subject: string
  readonly type: EvidenceType
  readonly predicateType: string | null
  readonly contentDigest: string
  readonly claimedAt: Date | null
  readonly receivedAt: Date
  /** Who vouches for it: `key:` and `identity:` of the lane that signed it, and `user:` or `robot:` who sent it. */
  readonly from: readonly string[]
  /** Why the certificate in it makes it nobody's whom the lane knows. */
  readonly unproven?: readonly string[]
  readonly summary: EvidenceSummary
}
