/** What the path of a promotion refuses; `invalid` is the caller's input, all others are rules. */
export type PromotionErrorCode =
  | 'invalid'
  | 'lane_source'
  | 'tag_exists'
  | 'tag_not_permitted'
  | 'foreign_layers'
  | 'digest_mismatch'
  | 'already_decided'
  | 'self_approval'
  | 'robot_cannot_approve'
  | 'request_state'
  | 'request_expired'
  | 'promotion_state'
  | 'already_committing'
  | 'gate_refused'

/** One wrong field: where it is, the rule it breaks, and what to do. */
export interface Issue {
  /** A path such as `items[0].targetTags`; '' for the whole value. */
  readonly field: string
  readonly rule: string
  readonly message: string
}

interface PromotionErrorOptions {
  readonly cause?: unknown
  readonly issues?: readonly Issue[]
  /** Data for the client, as JSON: both digests of a conflict, the gates that refused. */
  readonly detail?: unknown
}

/** The one error of this package. The message says what was wrong, where, and what to do. */
export class PromotionError extends Error {
  readonly code: PromotionErrorCode
  readonly issues: readonly Issue[]
  readonly detail: unknown

  constructor(code: PromotionErrorCode, message: string, options: PromotionErrorOptions = {}) {
    super(message, { cause: options.cause })
    this.name = 'PromotionError'
    this.code = code
    this.issues = options.issues ?? []
    this.detail = options.detail
  }
}

/** The error of wrong input: its message lists every issue. */
export function invalid(...issues: readonly Issue[]): PromotionError {
  const lines = issues.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`))
  return new PromotionError('invalid', lines.join('; '), { issues })
}

/** Foreign text for a message: at most 80 characters, printable ASCII, so that no terminal sequence gets through. */
export function shown(text: string): string {
  const cut = text.length > 80 ? `${text.slice(0, 80)}...` : text
  return JSON.stringify(cut).replace(
    /[^\x20-\x7e]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
