import { isObject } from './canonical.ts'
import { ProofError } from './errors.ts'
import { fromBase64, type PublicKey, verifySignature } from './public-key.ts'

/** A signed document (DSSE v1): what was signed is the type and the payload together. */
export interface Envelope {
  readonly payloadType: string
  readonly payload: Uint8Array
  readonly signatures: readonly Uint8Array[]
}

/** Of one envelope. */
export const SIGNATURES_LIMIT = 16

/**
 * Reads a DSSE envelope from its parsed JSON (secure-systems-lab/dsse, envelope.md). Key ids are hints that
 * anybody can write, so they are not looked at.
 * @throws ProofError ENVELOPE_INVALID
 */
export function openEnvelope(value: unknown): Envelope {
  if (!isObject(value)) throw invalid('must be a JSON object')
  const { payloadType, payload, signatures } = value
  if (typeof payloadType !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(payloadType)) {
    throw invalid('has no payloadType')
  }
  const bytes = typeof payload === 'string' ? anyBase64(payload) : null
  if (bytes === null) throw invalid('has no payload in base64')
  if (!Array.isArray(signatures) || signatures.length < 1 || signatures.length > SIGNATURES_LIMIT) {
    throw invalid(`must carry 1 to ${SIGNATURES_LIMIT} signatures`)
  }
  return {
    payloadType,
    payload: bytes,
    signatures: signatures.map((signature: unknown, i) => {
      const sig = isObject(signature) ? signature['sig'] : undefined
      const read = typeof sig === 'string' && sig.length <= 8192 ? anyBase64(sig) : null
      if (read === null) throw invalid(`has no signatures[${i}].sig in base64`)
      return read
    }),
  }
}

/** The bytes that a signature covers: `"DSSEv1" SP len SP type SP len SP body` (dsse, protocol.md). */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = new TextEncoder().encode(payloadType)
  const head = new TextEncoder().encode(`DSSEv1 ${type.length} ${payloadType} ${payload.length} `)
  const bytes = new Uint8Array(head.length + payload.length)
  bytes.set(head)
  bytes.set(payload, head.length)
  return bytes
}

/** Did this key make any of the signatures? */
export async function verifyEnvelope(
  { payloadType, payload, signatures }: Envelope,
  key: PublicKey,
): Promise<boolean> {
  const message = preAuthEncoding(payloadType, payload)
  for (const signature of signatures) {
    if (await verifySignature(key, message, signature)) return true
  }
  return false
}

/** Either alphabet: dsse, envelope.md, "must accept standard or URL-safe encoding". Padding may be left out. */
function anyBase64(text: string): Uint8Array | null {
  const standard = text
    .replace(/-/g, '+')
    .replace(/_/g, '/')
    .replace(/={1,2}$/, '')
  return fromBase64(standard.padEnd(Math.ceil(standard.length / 4) * 4, '='))
}

function invalid(reason: string): ProofError {
  return new ProofError('ENVELOPE_INVALID', `the DSSE envelope ${reason}`)
}
