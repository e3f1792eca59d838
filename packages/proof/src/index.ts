export { canonicalJson, type JsonObject, type JsonValue } from './canonical.ts'
export { type Envelope, openEnvelope, preAuthEncoding, SIGNATURES_LIMIT, verifyEnvelope } from './dsse.ts'
export {
  type AuditEntry,
  checkPayload,
  ENTRY_LIMIT,
  leafHash,
  type NewEntry,
  openEntry,
  SALT_MAX,
  SALT_MIN,
  type SealedEntry,
  sealEntry,
} from './entry.ts'
export { ProofError, type ProofErrorCode } from './errors.ts'
export { fromBase64, type PublicKey, parsePublicKey, verifySignature } from './public-key.ts'
