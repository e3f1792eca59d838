import { generateKeyPairSync, sign } from 'node:crypto'
import { preAuthEncoding } from '@sluice/proof'

export const ci = generateKeyPairSync('ec', { namedCurve: 'P-256' })
export const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' })
export const keys = { ci: ci.publicKey.export({ type: 'spki', format: 'pem' }).toString() }
export const from = ['key:ci']
export const TEST_RESULT = 'https://in-toto.io/attestation/test-result/v0.1'

export const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

/** An in-toto attestation as CI signs it. */
export function attestation(
  digests: string | string[],
  predicate: object,
  { key = ci, predicateType = TEST_RESULT } = {},
) {
  const payload = Buffer.from(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [digests].flat().map((digest) => ({ name: 'app', digest: { sha256: digest.slice(7) } })),
      predicateType,
      predicate,
    }),
  )
  const payloadType = 'application/vnd.in-toto+json'
  const sig = sign('sha256', preAuthEncoding(payloadType, payload), key.privateKey).toString('base64')
  return { payloadType, payload: payload.toString('base64'), signatures: [{ keyid: '', sig }] }
}
export const result = (word: string) => ({
  result: word,
  passedTests: ['a'],
  failedTests: word === 'FAILED' ? ['b'] : [],
})
