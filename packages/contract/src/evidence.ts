import { z } from 'zod'
import { digest, id, listOf, page, time } from './grammar.ts'

const evidenceType = z.string().min(1).max(512)

/**
 * The evidence itself as the whole body: a DSSE envelope, a Sigstore bundle, a scanner's report. Or an object
 * around it, which every format fits into: `{digest?, type?, content}`, where text is taken to the byte.
 */
export const evidenceBody = z.record(z.string(), z.unknown())
export const wrappedEvidence = z.strictObject({
  digest: digest.optional(),
  type: evidenceType.optional(),
  content: z.union([z.string().min(1), z.record(z.string(), z.unknown())]),
})
/** For a body that is the evidence itself. */
export const evidenceQuery = z.strictObject({ digest: digest.optional(), type: evidenceType.optional() })

/** Bytes. Evidence of 16 MiB as text in JSON is larger than itself. */
export const EVIDENCE_BODY_LIMIT = 40 * 1024 * 1024

export const evidence = z.object({
  id,
  digest,
  type: z.string(),
  format: z.string(),
  predicateType: z.string().nullable(),
  /** Of the raw bytes. */
  sha256: digest,
  size: z.int(),
  claimedAt: time.nullable(),
  receivedAt: time,
  receivedBy: z.string().nullable(),
  /** `lane/key` that signed it. */
  verified: z.string().nullable(),
  summary: z.looseObject({ kind: z.string() }),
})
export type EvidenceItem = z.infer<typeof evidence>
export const evidenceList = listOf(evidence)
export const evidenceWithContent = evidence.extend({ content: z.string() })
export const evidenceListQuery = z.strictObject({ digest, ...page })

/** What a ticket system calls back with, signed (docs/evidence.md). */
export const ticketBody = z.strictObject({
  /** The request it is about, as in the path: a body signed for one says nothing of another. */
  request: id,
  ticket: z.string().regex(/^[\x21-\x7e]{1,128}$/),
  state: z.string().regex(/^[\x21-\x7e]{1,64}$/),
  at: time,
})
export const ticketHeaders = z.object({
  'sluice-key': z.string().regex(/^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/),
  'sluice-signature': z
    .string()
    .regex(/^sha256=[0-9a-f]{64}$/, { message: 'must be sha256= and 64 hex digits' }),
})
export const ticketKey = z.object({ key: z.string(), secret: z.string() })
