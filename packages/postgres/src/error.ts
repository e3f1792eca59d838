/**
 * - `unsupported_platform`: there are no PostgreSQL binaries for this system.
 * - `binaries_broken`: the binaries are installed, but incomplete and not repairable.
 * - `no_account`: started as root, and no unprivileged account exists to run the server as.
 * - `unreachable`: the server's account cannot reach its folder, and neither can a place be made.
 * - `password_lost`: the cluster exists, but the password kept beside it is gone or not the cluster's.
 * - `init_failed`, `start_failed`, `stop_failed`: the named step of the server's life failed.
 */
export type PostgresErrorCode =
  | 'unsupported_platform'
  | 'binaries_broken'
  | 'no_account'
  | 'unreachable'
  | 'password_lost'
  | 'init_failed'
  | 'start_failed'
  | 'stop_failed'

/** The one error of this package. */
export class PostgresError extends Error {
  readonly code: PostgresErrorCode

  constructor(code: PostgresErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'PostgresError'
    this.code = code
  }
}

/** The code of a system's or a server's error (`ENOENT`, `28P01`). */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
