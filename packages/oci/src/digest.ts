import { createHash } from 'node:crypto'
import { OciError } from './errors.ts'
import { type Algorithm, parseDigest } from './grammar.ts'

/** Hashes a stream piece by piece. `digest` ends it and may be called once; `digestSoFar` does not end it. */
export interface Hasher {
  update(bytes: Uint8Array): void
  /** The digest string, algorithm included. */
  digest(): string
  digestSoFar(): string
}

export function createHasher(algorithm: Algorithm): Hasher {
  const hash = createHash(algorithm)
  return {
    update(bytes) {
      hash.update(bytes)
    },
    digest: () => `${algorithm}:${hash.digest('hex')}`,
    digestSoFar: () => `${algorithm}:${hash.copy().digest('hex')}`,
  }
}

/** The digest string of `bytes`. Image specification, "Digests". */
export function digestOf(bytes: Uint8Array, algorithm: Algorithm = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`
}

/**
 * Checks that `bytes` are what `digest` names, in the algorithm it uses.
 * @throws OciError DIGEST_MISMATCH naming both; DIGEST_INVALID or DIGEST_UNSUPPORTED for the digest itself
 */
export function verifyBytes(bytes: Uint8Array, digest: string): void {
  const actual = digestOf(bytes, parseDigest(digest).algorithm)
  if (actual !== digest) {
    throw new OciError(
      'DIGEST_MISMATCH',
      `the ${bytes.length} bytes have the digest ${actual}, not ${digest}; the content was altered or cut`,
    )
  }
}
