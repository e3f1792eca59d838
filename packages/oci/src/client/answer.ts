import { quote } from '../errors.ts'
import { RegistryError, type RegistryErrorCode } from './errors.ts'
import type { ClientLimits } from './options.ts'
import { retryAfterMs } from './retry.ts'
import { type Answer, readBody } from './transport.ts'

const ERROR_BODY_LIMIT = 64 * 1024

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** @throws RegistryError bad_response, without the cause: it quotes the answer, which may be a token */
export function parseAnswer(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new RegistryError('bad_response', `${what}: the answer is not JSON`)
  }
}

/** Lets a small body go by, so that the connection can be used again. */
export function drop(answer: Answer): void {
  const length = Number(answer.headers['content-length'] ?? Number.POSITIVE_INFINITY)
  if (length <= ERROR_BODY_LIMIT) answer.body.resume()
  else answer.body.destroy()
}

/**
 * The error an unwelcome answer stands for, with what the registry says about it.
 * @param secrets what it was shown, in case that it says it again
 */
export async function refusal(
  answer: Answer,
  what: string,
  limits: ClientLimits,
  secrets: readonly string[],
): Promise<RegistryError> {
  const body = await readBody(answer, ERROR_BODY_LIMIT, Math.min(limits.headMs, 5000), what).catch(() =>
    Buffer.alloc(0),
  )
  const { status, url } = answer
  const { code: said, text } = distributionError(body)
  const code = codeOf(status, said, body)
  const wait = retryAfterMs(answer.headers['retry-after'])
  const asks =
    code === 'rate_limited' && wait !== undefined && wait > 0
      ? `; it asks to be left alone for ${Math.ceil(wait / 1000)} s`
      : ADVICE[code]
  const reply = text === '' ? `${status}` : `${status} ${quote(without(secrets, text))}`
  return new RegistryError(code, `${what}: ${url.host} answered ${reply}${asks ?? ''}`, {
    status,
    ...(wait !== undefined && { retryAfterMs: wait }),
  })
}

/** Shorter ones are parts of words, and no secrets. */
const SECRET_LENGTH = 6

function without(secrets: readonly string[], text: string): string {
  const told = secrets.filter(({ length }) => length >= SECRET_LENGTH)
  return told.reduce((rest, secret) => rest.replaceAll(secret, '***'), text)
}

/** The first of `{"errors":[{code,message}]}`. Distribution specification, "Error Codes". */
function distributionError(body: Buffer): { code: string; text: string } {
  try {
    const document: unknown = JSON.parse(body.toString('utf8'))
    const errors = isRecord(document) && Array.isArray(document.errors) ? document.errors : []
    const first: unknown = errors[0]
    if (!isRecord(first)) return { code: '', text: '' }
    const [code, message] = [first.code, first.message].map((part) => (typeof part === 'string' ? part : ''))
    return { code: code ?? '', text: [code, message].filter(Boolean).join(': ') }
  } catch {
    return { code: '', text: '' }
  }
}

const BY_SAID: Readonly<Record<string, RegistryErrorCode>> = {
  MANIFEST_BLOB_UNKNOWN: 'manifest_incomplete',
  BLOB_UPLOAD_UNKNOWN: 'upload_lost',
  DIGEST_INVALID: 'wrong_digest',
  SIZE_INVALID: 'wrong_length',
  TOOMANYREQUESTS: 'rate_limited',
  UNSUPPORTED: 'unsupported',
}

const BY_STATUS: Readonly<Record<number, RegistryErrorCode>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  405: 'unsupported',
  408: 'timeout',
  410: 'not_found',
  413: 'too_large',
  415: 'unsupported',
  416: 'upload_lost',
  425: 'rate_limited',
  429: 'rate_limited',
  501: 'unsupported',
  507: 'storage_full',
}

/** In words, or as Distribution's file system driver says it: by the number of the error on Linux. */
const FULL = /no space left|disk (is )?full|quota exceeded|ENOSPC|"Err":(28|122)\b/i

function codeOf(status: number, said: string, body: Buffer): RegistryErrorCode {
  if (status >= 500 && FULL.test(body.toString('latin1'))) return 'storage_full'
  if (status >= 300 && status < 400) return 'redirect_refused'
  if (status === 401 || status === 403 || status === 429) return BY_STATUS[status] ?? 'rejected'
  return BY_SAID[said] ?? BY_STATUS[status] ?? (status >= 500 ? 'server_error' : 'rejected')
}

const ADVICE: Partial<Record<RegistryErrorCode, string>> = {
  unauthorized: '; check the credentials of this feed',
  forbidden: '; these credentials may not do this there',
  rate_limited: '; it asks to be left alone for a while',
  server_error: '; the registry has a fault of its own, try again later',
  storage_full: '; its storage is full, make room there and retry',
  too_large: '; it takes nothing that large',
  redirect_refused: '; such a redirect is not followed',
}
