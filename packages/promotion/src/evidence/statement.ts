import { isDigest } from '@sluice/oci'
import type { EvidenceSummary, EvidenceType, ProvenanceSummary, TestSummary } from './evidence.ts'
import { type Fields, list, needed, record, text, time, unreadable } from './fields.ts'
import { readOpenVex } from './openvex.ts'
import { readSarif } from './sarif.ts'
import { readCycloneDx, readSpdx } from './sboms.ts'
import { readGrype, readTrivy, type Scan } from './scans.ts'

const STATEMENT = /^https:\/\/in-toto\.io\/Statement\/(?:v1|v0\.1)$/
const SUBJECTS_LIMIT = 1_000

export interface Statement {
  readonly type: EvidenceType
  readonly predicateType: string
  readonly subjects: readonly string[]
  readonly claimedAt: Date | null
  readonly summary: EvidenceSummary
}

type Predicate = { readonly claimedAt: Date | null; readonly summary: EvidenceSummary }

/** What each predicate type is, and who reads it. Versions that differ only in what we do not read share a row. */
const PREDICATES: readonly (readonly [RegExp, EvidenceType, (predicate: Fields) => Predicate])[] = [
  [/^https:\/\/in-toto\.io\/attestation\/test-result\/v0\.1$/, 'test', testResult],
  [/^https:\/\/slsa\.dev\/provenance\/v(?:1|0\.2)$/, 'provenance', provenance],
  [/^https:\/\/cyclonedx\.org\/bom(?:\/v\d+\.\d+)?$/, 'sbom', readCycloneDx],
  [/^https:\/\/spdx\.dev\/Document(?:\/v2\.\d+)?$/, 'sbom', readSpdx],
  [/^https:\/\/cosign\.sigstore\.dev\/attestation\/vuln\/v1$/, 'vulnerabilities', vulnerabilities],
  [/^https:\/\/openvex\.dev\/ns(?:\/v[\d.]+)?$/, 'vex', readOpenVex],
  [/^https:\/\/sigstore\.dev\/cosign\/sign\/v1$/, 'signature', () => plain('signature')],
]

/**
 * An in-toto Statement, v1 or v0.1. A predicate of a known type that cannot be read makes an `unreadable`
 * summary: whoever signed it meant it to count, and nothing older may stand in for it.
 * @throws PromotionError invalid: it is no statement, or names no subject by SHA-256 or SHA-512
 */
export function readStatement(value: unknown): Statement {
  const statement = record(value)
  if (typeof statement['_type'] !== 'string' || !STATEMENT.test(statement['_type'])) {
    throw unreadable('the payload is no in-toto Statement v1 or v0.1')
  }
  const predicateType = needed(statement['predicateType'], 'predicateType', 512)
  const subjects = list(statement['subject'], 'subject', SUBJECTS_LIMIT).flatMap((subject) => {
    const digest = record(record(subject)['digest'])
    return (['sha256', 'sha512'] as const)
      .map((algorithm) => `${algorithm}:${String(digest[algorithm])}`)
      .filter((named) => isDigest(named))
  })
  if (subjects.length === 0) throw unreadable('no subject has a digest sha256 or sha512')
  const [, type, read] = PREDICATES.find(([pattern]) => pattern.test(predicateType)) ?? [
    null,
    'statement' as const,
    () => plain('statement'),
  ]
  return { type, predicateType, subjects, ...attempted(read, statement['predicate']) }
}

function attempted(read: (predicate: Fields) => Predicate, predicate: unknown): Predicate {
  try {
    const { claimedAt, summary } = read(record(predicate))
    return { claimedAt, summary }
  } catch (error) {
    const reason =
      (error instanceof Error ? text(error.message, 400) : null) ?? 'the predicate cannot be read'
    return { claimedAt: null, summary: { kind: 'unreadable', reason } }
  }
}

/** in-toto attestation, spec/predicates/test-result.md */
function testResult(predicate: Fields): Predicate {
  const names = (key: string) => list(predicate[key], key, 500_000)
  const result = predicate['result']
  if (result !== 'PASSED' && result !== 'WARNED' && result !== 'FAILED') {
    throw unreadable('result is none of PASSED, WARNED, FAILED')
  }
  const failed = names('failedTests')
  const summary: TestSummary = {
    kind: 'test',
    result,
    passed: names('passedTests').length,
    warned: names('warnedTests').length,
    failed: failed.length,
    failedTests: failed.slice(0, 20).flatMap((name) => text(name) ?? []),
  }
  return { claimedAt: null, summary }
}

/** SLSA provenance: v1 has `runDetails.builder`, v0.2 `builder`. */
function provenance(predicate: Fields): Predicate {
  const details = record(predicate['runDetails'])
  const definition = record(predicate['buildDefinition'])
  const builder = record(details['builder'] ?? predicate['builder'])
  const metadata = record(details['metadata'] ?? predicate['metadata'])
  const summary: ProvenanceSummary = {
    kind: 'provenance',
    builder: needed(builder['id'], 'builder.id', 1024),
    buildType: text(definition['buildType'] ?? predicate['buildType'], 512),
  }
  return { claimedAt: time(metadata['finishedOn'] ?? metadata['buildFinishedOn']), summary }
}

/** cosign, COSIGN_VULN_ATTESTATION_SPEC.md: the scanner's own report is `scanner.result`. */
function vulnerabilities(predicate: Fields): Predicate {
  const report = record(record(predicate['scanner'])['result'])
  const finished = time(record(predicate['metadata'])['scanFinishedOn'])
  const scan: Scan =
    report['SchemaVersion'] !== undefined
      ? readTrivy(report)
      : report['runs'] !== undefined
        ? readSarif(report)
        : readGrype(report)
  return { claimedAt: finished ?? scan.claimedAt, summary: scan.summary }
}

function plain(kind: 'signature' | 'statement'): Predicate {
  return { claimedAt: null, summary: { kind } }
}
