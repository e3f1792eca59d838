/**
 * - `already_running`: another supervisor holds the data folder.
 * - `port_taken`: something else listens where the service is to listen.
 * - `never_ready`: a child kept dying before it was ready for the first time.
 * - `bad_folder`: the data folder holds something that is not ours to read.
 */
export type StandaloneErrorCode = 'already_running' | 'port_taken' | 'never_ready' | 'bad_folder'

/** The one error of this app. */
export class StandaloneError extends Error {
  readonly code: StandaloneErrorCode

  constructor(code: StandaloneErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'StandaloneError'
    this.code = code
  }
}

/** The code of a system call's error, as `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
