/** What can go wrong between Sluice and a registry. The set is closed: callers decide by it. */
export type RegistryErrorCode =
  | 'settings_invalid'
  | 'address_refused'
  | 'plain_http_refused'
  | 'realm_refused'
  | 'redirect_refused'
  | 'dns'
  | 'refused'
  | 'connection'
  | 'tls'
  | 'timeout'
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'rate_limited'
  | 'server_error'
  | 'storage_full'
  | 'too_large'
  | 'unsupported'
  | 'rejected'
  | 'manifest_incomplete'
  | 'upload_lost'
  | 'bad_response'
  | 'wrong_digest'
  | 'wrong_length'
  | 'closure_differs'
  | 'cancelled'

export interface RegistryErrorDetail {
  cause?: unknown
  /** The HTTP status that said so, where one did. */
  status?: number
  /** How long the registry asked to be left alone. */
  retryAfterMs?: number
  /** The blob that it is about, where `verifyGraph` found it. */
  blob?: string
}

const TRANSIENT: ReadonlySet<RegistryErrorCode> = new Set([
  'dns',
  'refused',
  'connection',
  'timeout',
  'rate_limited',
  'server_error',
])

/** A registry that refused, failed or answered what cannot be believed. The message names the registry. */
export class RegistryError extends Error {
  readonly code: RegistryErrorCode
  readonly status: number | null
  readonly retryAfterMs: number | null
  readonly blob: string | null

  constructor(code: RegistryErrorCode, message: string, detail: RegistryErrorDetail = {}) {
    super(message, detail.cause === undefined ? {} : { cause: detail.cause })
    this.name = 'RegistryError'
    this.code = code
    this.status = detail.status ?? null
    this.retryAfterMs = detail.retryAfterMs ?? null
    this.blob = detail.blob ?? null
  }

  /** Whether the same request may succeed a little later. */
  get transient(): boolean {
    return TRANSIENT.has(this.code)
  }
}

const BY_SYSTEM_CODE: Readonly<Record<string, RegistryErrorCode>> = {
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_FAIL: 'dns',
  EAI_NODATA: 'dns',
  EAI_NONAME: 'dns',
  ECONNREFUSED: 'refused',
  ECONNRESET: 'connection',
  ECONNABORTED: 'connection',
  EPIPE: 'connection',
  ENETUNREACH: 'connection',
  EHOSTUNREACH: 'connection',
  ERR_STREAM_PREMATURE_CLOSE: 'connection',
  ETIMEDOUT: 'timeout',
  ABORT_ERR: 'cancelled',
  EPROTO: 'tls',
}

const SAYS: Partial<Record<RegistryErrorCode, string>> = {
  dns: 'its name cannot be resolved; check the spelling of the address and the DNS of this machine',
  refused: 'nothing accepts connections there; check the port and whether it runs',
  connection: 'the connection broke',
  timeout: 'no answer in time',
  tls: 'no TLS connection comes about',
  bad_response: 'the answer is not HTTP as it should be',
  cancelled: 'cancelled',
}

/** What a TLS connection failed for, by the codes of node and OpenSSL. */
const TLS: readonly (readonly [RegExp, string])[] = [
  // Sent by the other side.
  [
    /ALERT_(HANDSHAKE_FAILURE|ACCESS_DENIED|UNKNOWN_CA|\w*CERTIFICATE)/,
    'it wants another client certificate than this feed shows, or one at all',
  ],
  [
    /^UNABLE_TO|SELF_SIGNED|CERT_UNTRUSTED/,
    'its certificate is signed by nobody whom this feed trusts; give the feed the CA that signed it',
  ],
  [/EXPIRED/, 'its certificate has expired'],
  [/ALTNAME|HOSTNAME/, 'its certificate is for another name'],
]

/** An error of the network as an error of this package; one that is already passes through. */
export function asRegistryError(error: unknown, what: string): RegistryError {
  if (error instanceof RegistryError) return error
  const system = systemCode(error)
  const code = BY_SYSTEM_CODE[system] ?? byPrefix(system)
  const text =
    (code === 'tls' ? TLS.find(([codes]) => codes.test(system))?.[1] : undefined) ??
    SAYS[code] ??
    (error instanceof Error ? error.message : 'failed')
  return new RegistryError(code, `${what}: ${text}${system === '' ? '' : ` (${system})`}`, { cause: error })
}

function systemCode(error: unknown): string {
  if (!(error instanceof Error)) return ''
  if (error.name === 'AbortError') return 'ABORT_ERR'
  return 'code' in error && typeof error.code === 'string' ? error.code : ''
}

function byPrefix(system: string): RegistryErrorCode {
  if (system.startsWith('HPE_')) return 'bad_response'
  const certificate = /CERT|^ERR_(TLS|SSL|OSSL)|^UNABLE_TO|^HOSTNAME_MISMATCH/.test(system)
  return certificate ? 'tls' : 'connection'
}
