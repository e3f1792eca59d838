import { expect, test } from 'vitest'
import * as face from './index.ts'

test('the public face', () => {
  expect(Object.keys(face).sort()).toEqual([
    'PROMOTION_TRANSITIONS',
    'PromotionError',
    'REQUEST_TRANSITIONS',
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
    'immutableBy',
    'immutableConflicts',
    'isReleaseTag',
    'matchesTag',
    'parsePolicy',
    'parseTagRules',
    'policyHash',
    'quorumOf',
    'resolveItems',
    'setDigest',
  ])
})
