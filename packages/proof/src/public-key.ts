import { ed25519 } from '@noble/curves/ed25519.js'
import { p256 } from '@noble/curves/nist.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { ProofError } from './errors.ts'

/** A key that signatures are checked against: ECDSA P-256, Ed25519, or RSA of 2048 bits and more. */
export interface PublicKey {
  readonly kind: 'ecdsa-p256' | 'ed25519' | 'rsa'
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array
  /** `sha256:` over the SubjectPublicKeyInfo, lower-case hex. */
  readonly fingerprint: string
}

const PEM = /^\s*-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*$/
/** Characters. A key of RSA 16384 fits. */
const PEM_LIMIT = 8192

// What precedes the key itself in a SubjectPublicKeyInfo (RFC 5480, RFC 8410); an RSA key's head varies in length.
const P256_HEAD = hexToBytes('3059301306072a8648ce3d020106082a8648ce3d030107034200')
const ED25519_HEAD = hexToBytes('302a300506032b6570032100')
const RSA_ALGORITHM = hexToBytes('300d06092a864886f70d0101010500')

/**
 * Reads a PEM "PUBLIC KEY" (RFC 7468, section 13), as `cosign public-key` and `openssl pkey -pubout` write it.
 * @throws ProofError KEY_INVALID
 */
export function parsePublicKey(pem: string): PublicKey {
  const body = pem.length <= PEM_LIMIT ? PEM.exec(pem)?.[1] : undefined
  const spki = body === undefined ? null : fromBase64(body.replace(/\s/g, ''))
  if (spki === null) throw invalid('is not a PEM block "PUBLIC KEY"')
  const kind = kindOf(spki)
  if (kind === null) throw invalid('is neither ECDSA P-256, Ed25519 nor RSA of 2048 to 16384 bits')
  return { kind, spki, fingerprint: `sha256:${bytesToHex(sha256(spki))}` }
}

function kindOf(spki: Uint8Array): PublicKey['kind'] | null {
  if (startsWith(spki, 0, P256_HEAD)) {
    return p256.utils.isValidPublicKey(spki.subarray(P256_HEAD.length), false) ? 'ecdsa-p256' : null
  }
  if (startsWith(spki, 0, ED25519_HEAD)) {
    return ed25519.utils.isValidPublicKey(spki.subarray(ED25519_HEAD.length)) ? 'ed25519' : null
  }
  // SEQUENCE with a length of two bytes: a modulus of 2048 bits gives 294 bytes, one of 16384 bits 2088.
  const long = spki[0] === 0x30 && spki[1] === 0x82 && startsWith(spki, 4, RSA_ALGORITHM)
  return long && spki.length >= 290 && spki.length <= 2090 ? 'rsa' : null
}

/**
 * Is this the signature of this message? ECDSA in DER over SHA-256, Ed25519 (RFC 8032), RSA PKCS#1 v1.5 over
 * SHA-256 (RFC 8017). What is no signature at all is false, never an error.
 */
export async function verifySignature(
  key: PublicKey,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  try {
    if (key.kind === 'rsa') return await verifyRsa(key.spki, message, signature)
    if (key.kind === 'ed25519') {
      return ed25519.verify(signature, message, key.spki.subarray(ED25519_HEAD.length), { zip215: false })
    }
    const point = key.spki.subarray(P256_HEAD.length)
    // Signers of this field do not normalise s; a mirrored signature is of the same message and key.
    return p256.verify(signature, message, point, { format: 'der', lowS: false, prehash: true })
  } catch {
    return false
  }
}

async function verifyRsa(spki: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  const { subtle } = globalThis.crypto
  const key = await subtle.importKey('spki', Uint8Array.from(spki), algorithm, false, ['verify'])
  return subtle.verify(algorithm, key, Uint8Array.from(signature), Uint8Array.from(message))
}

/** Standard base64 (RFC 4648, section 4), padded; null for anything else. Linear. */
export function fromBase64(text: string): Uint8Array | null {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null
  try {
    const binary = atob(text)
    const bytes = new Uint8Array(binary.length)
    for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i)
    return bytes
  } catch {
    return null
  }
}

function startsWith(bytes: Uint8Array, at: number, head: Uint8Array): boolean {
  return bytes.length >= at + head.length && head.every((byte, i) => byte === bytes[at + i])
}

function invalid(reason: string): ProofError {
  return new ProofError('KEY_INVALID', `the key ${reason}; give the public key as PEM`)
}
