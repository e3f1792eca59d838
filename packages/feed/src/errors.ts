import { OciError, type OciErrorCode } from '@sluice/oci'
import type { QuotaState } from './ports.ts'

/** The fourteen codes of the Distribution specification, "Error Codes". */
export type DistributionCode =
  | 'BLOB_UNKNOWN'
  | 'BLOB_UPLOAD_INVALID'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DIGEST_INVALID'
  | 'MANIFEST_BLOB_UNKNOWN'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'SIZE_INVALID'
  | 'UNAUTHORIZED'
  | 'DENIED'
  | 'UNSUPPORTED'
  | 'TOOMANYREQUESTS'

/** What the storage may answer besides; it never crosses HTTP under these names. */
export type StorageCode = 'BLOB_MISSING' | 'UPLOAD_BUSY' | 'STORAGE_KEY_INVALID' | 'STORAGE_URL_INVALID'

export type FeedErrorCode = DistributionCode | StorageCode

interface FeedErrorOptions {
  readonly cause?: unknown
  /** Where HTTP has a more exact word than the code's usual status: 405, 409, 413 to 416. */
  readonly status?: number
  /** Data for the client, as JSON. */
  readonly detail?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** The one error of this package. The message says what was wrong, where, and what to do. */
export class FeedError extends Error {
  readonly code: FeedErrorCode
  readonly status: number
  readonly detail: unknown
  readonly headers: Readonly<Record<string, string>>

  constructor(code: FeedErrorCode, message: string, options: FeedErrorOptions = {}) {
    super(message, { cause: options.cause })
    this.name = 'FeedError'
    this.code = code
    this.status = options.status ?? STATUS[code]
    this.detail = options.detail
    this.headers = options.headers ?? {}
  }
}

/** The one mapping from a code to its usual HTTP status. */
export const STATUS: Readonly<Record<FeedErrorCode, number>> = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 400,
  UNAUTHORIZED: 401,
  DENIED: 403,
  UNSUPPORTED: 400,
  TOOMANYREQUESTS: 429,
  BLOB_MISSING: 500,
  UPLOAD_BUSY: 500,
  STORAGE_KEY_INVALID: 500,
  STORAGE_URL_INVALID: 500,
}

const FROM_OCI: Readonly<Record<OciErrorCode, readonly [DistributionCode, number]>> = {
  NAME_INVALID: ['NAME_INVALID', 400],
  TAG_INVALID: ['MANIFEST_INVALID', 400],
  REFERENCE_INVALID: ['MANIFEST_INVALID', 400],
  FEED_MISMATCH: ['MANIFEST_INVALID', 400],
  DIGEST_INVALID: ['DIGEST_INVALID', 400],
  DIGEST_UNSUPPORTED: ['DIGEST_INVALID', 400],
  DIGEST_MISMATCH: ['DIGEST_INVALID', 400],
  SIZE_INVALID: ['MANIFEST_INVALID', 400],
  TOO_LARGE: ['MANIFEST_INVALID', 413],
  MEDIA_TYPE_UNSUPPORTED: ['MANIFEST_INVALID', 415],
  MANIFEST_INVALID: ['MANIFEST_INVALID', 400],
  MANIFEST_UNKNOWN: ['MANIFEST_UNKNOWN', 404],
  GRAPH_TOO_DEEP: ['MANIFEST_INVALID', 400],
  GRAPH_TOO_LARGE: ['MANIFEST_INVALID', 400],
}

/** The error as this package speaks it; what is neither ours nor `@sluice/oci`'s stays as it is. */
export function asFeedError(error: unknown): unknown {
  if (!(error instanceof OciError)) return error
  const [code, status] = FROM_OCI[error.code]
  return new FeedError(code, error.message, { status, cause: error })
}

/** The refusal of what a feed has no room for: 403, or 413 of a body that alone is too much. */
export function overQuota(state: QuotaState, options: Pick<FeedErrorOptions, 'status'> = {}): FeedError {
  const { quota, used } = state
  return new FeedError(
    'DENIED',
    `the feed holds ${used} of the ${quota} bytes of its quota, uploads under way included, which leaves no room for this; delete images, or ask its administrator for a larger quota`,
    { ...options, detail: { quota, used } },
  )
}

const QUOTED = 128

/** Foreign text for a message: short, and nothing in it moves a terminal's cursor or ends a line. */
export function quote(text: string): string {
  const short = text.length > QUOTED ? `${text.slice(0, QUOTED)}…` : text
  return `"${short.replace(/[^\x20-\x7e…]/g, '\ufffd')}"`
}
