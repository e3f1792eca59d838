/** What can be wrong with bytes that are to be sealed or checked. */
export type ProofErrorCode =
  | 'NOT_JSON'
  | 'TOO_DEEP'
  | 'ENTRY_INVALID'
  | 'ENTRY_TOO_LARGE'
  | 'SALT_INVALID'
  | 'KEY_INVALID'
  | 'ENVELOPE_INVALID'

/** The one error of this package. The message says what was wrong, where, and what to do. */
export class ProofError extends Error {
  readonly code: ProofErrorCode

  constructor(code: ProofErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'ProofError'
    this.code = code
  }
}
