import { expect, test } from 'vitest'
import * as proof from './index.ts'

test('the public face', () => {
  expect(Object.keys(proof).sort()).toEqual([
    'ENTRY_LIMIT',
    'ProofError',
    'SALT_MAX',
    'SALT_MIN',
    'SIGNATURES_LIMIT',
    'canonicalJson',
    'checkPayload',
    'fromBase64',
    'leafHash',
    'openEntry',
    'openEnvelope',
    'parsePublicKey',
    'preAuthEncoding',
    'sealEntry',
    'verifyEnvelope',
    'verifySignature',
  ])
})
