import { expect, test } from 'vitest'
import * as face from './index.ts'

test('the public face', () => {
  expect(Object.keys(face).sort()).toEqual([
    'EVIDENCE_FORMATS',
    'EVIDENCE_LIMIT',
    'EVIDENCE_TYPES',
    'PROMOTION_TRANSITIONS',
    'PromotionError',
    'REQUEST_TRANSITIONS',
    'SEVERITIES',
    'TRUSTED_TAG_RULES',
    'boundHash',
    'closureHash',
    'decideApproval',
    'decideCancel',
    'decideCreation',
    'decideRetry',
    'decideRevoke',
    'decideStart',
    'defaultPolicy',
    'evaluateGates',
    'evidenceRulesOf',
    'immutableBy',
    'immutableConflicts',
    'isReleaseTag',
    'matchesTag',
    'parsePolicy',
    'parseTagRules',
    'policyHash',
    'quorumOf',
    'readEvidence',
    'requireSatisfiable',
    'resolveItems',
    'setDigest',
    'wrapSimpleSigning',
  ])
})
