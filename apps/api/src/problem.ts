import type { FieldError } from '@sluice/contract'

/** What the api itself refuses; what the layers below refuse keeps their codes. */
export type ApiErrorCode =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'method_not_allowed'
  | 'rate_limited'
  | 'too_large'
  | 'too_many_streams'
  | 'unsupported_media_type'
  | 'key_file_invalid'

interface ApiErrorOptions {
  readonly cause?: unknown
  readonly errors?: readonly FieldError[]
  readonly headers?: Readonly<Record<string, string>>
}

/** The one error of this program. The message says what was wrong, where, and what to do. */
export class ApiError extends Error {
  readonly code: ApiErrorCode
  readonly errors: readonly FieldError[]
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ApiErrorCode, message: string, options: ApiErrorOptions = {}) {
    super(message, { cause: options.cause })
    this.name = 'ApiError'
    this.code = code
    this.errors = options.errors ?? []
    this.headers = options.headers ?? {}
  }
}

/** Also for what is there and may not be seen: the two answers are the same. */
export function notFound(what: string): ApiError {
  return new ApiError('not_found', `there is no ${what} that you may see`)
}

export function unauthenticated(message: string): ApiError {
  return new ApiError('unauthenticated', message)
}

/** The issues of zod as the problem document lists them. */
export function fieldErrors(issues: readonly Issue[]): FieldError[] {
  return issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return (issue.keys ?? []).map((key) => ({
        field: fieldOf([...issue.path, key]),
        rule: 'unknown',
        message: 'there is no such field here',
      }))
    }
    return [{ field: fieldOf(issue.path), rule: ruleOf(issue), message: issue.message }]
  })
}

type Issue = {
  readonly code?: string
  readonly path: readonly PropertyKey[]
  readonly message: string
  readonly keys?: readonly string[]
  readonly params?: { readonly rule?: unknown } | undefined
}

function ruleOf({ code = 'invalid', message, params }: Issue): string {
  if (typeof params?.rule === 'string') return params.rule
  return code === 'invalid_type' && message.endsWith('received undefined') ? 'required' : code
}

function fieldOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>((field, key) => {
    if (typeof key === 'number') return `${field}[${key}]`
    return field === '' ? String(key) : `${field}.${String(key)}`
  }, '')
}
