/**
 * - `usage`: the command line is wrong.
 * - `not_signed_in`: no token for this server, or it is no longer accepted.
 * - `unreachable`: the service cannot be reached, or does not speak as Sluice does.
 * - `refused`: a rule or a person said no: 403, 409, 410, 422, a rejection, a failed promotion.
 * - `timed_out`: it is not over within --timeout.
 * - `failed`: anything else, as the service reports it.
 */
export type CliErrorCode = 'usage' | 'not_signed_in' | 'unreachable' | 'refused' | 'timed_out' | 'failed'

/** Exit codes of the outside contract: 0 ok, 1 error, 2 usage, 3 rejected or refused, 4 timed out. */
export const exitCodes: Readonly<Record<CliErrorCode, 1 | 2 | 3 | 4>> = {
  usage: 2,
  not_signed_in: 1,
  unreachable: 1,
  refused: 3,
  timed_out: 4,
  failed: 1,
}

/** What an unknown failure says. */
export const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** The one error of this app. `details` are further lines to show; `problem` the service's own document. */
export class CliError extends Error {
  readonly code: CliErrorCode
  readonly details: readonly string[]
  readonly problem: unknown

  constructor(
    code: CliErrorCode,
    message: string,
    more: { details?: readonly string[]; problem?: unknown; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.name = 'CliError'
    this.code = code
    this.details = more.details ?? []
    this.problem = more.problem
  }
}
