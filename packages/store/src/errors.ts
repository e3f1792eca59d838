/** What `guard…` triggers and functions of prisma/migrations refuse with; a test compares the two lists. */
export const REFUSALS = [
  'alert_fixed',
  'already_committing',
  'append_only',
  'approval_fixed',
  'approve_not_granted',
  'binding_mismatch',
  'blob_fixed',
  'break_glass_not_granted',
  'closure_incomplete',
  'entry_invalid',
  'entry_missing',
  'feed_fixed',
  'feed_name_reserved',
  'fenced',
  'gate_refused',
  'gate_report_fixed',
  'lane_change_fixed',
  'lane_circle',
  'lane_fixed',
  'membership_fixed',
  'not_admitted',
  'not_recalled',
  'password_known_to_requester',
  'person_disabled',
  'promotion_fixed',
  'promotion_state',
  'purge_fixed',
  'purge_not_granted',
  'purged',
  'quorum_missing',
  'recall_fixed',
  'recall_lifted',
  'recall_not_granted',
  'recalled',
  'repository_fixed',
  'request_expired',
  'request_fixed',
  'request_state',
  'requester_missing',
  'running_fixed',
  'second_admin_needed',
  'self_approval',
  'site_fixed',
  'tag_alerted',
  'tag_held',
  'tag_immutable',
  'tag_not_permitted',
  'target_moved',
  'trusted_feed',
  'trusted_fixed',
] as const

export type StoreErrorCode =
  | (typeof REFUSALS)[number]
  | 'already_decided'
  | 'change_pending'
  | 'credentials_invalid'
  | 'denied'
  | 'digest_mismatch'
  | 'digest_unknown'
  | 'feed_in_use'
  | 'foreign_layers'
  | 'idempotency_mismatch'
  | 'invalid'
  | 'key_file_invalid'
  | 'lane_source'
  | 'lane_unknown'
  | 'last_admin'
  | 'migration_changed'
  | 'name_taken'
  | 'not_found'
  | 'precondition_failed'
  | 'rate_limited'
  | 'remote_refused'
  | 'remote_unavailable'
  | 'robot_cannot_approve'
  | 'schema_ahead'
  | 'schema_behind'
  | 'secret_unusable'
  | 'tag_exists'
  | 'tag_unknown'
  | 'unavailable'

interface StoreErrorOptions {
  readonly cause?: unknown
  /** The input that was wrong, as `items[0].image`. */
  readonly field?: string
  /** Data for the client, as JSON: both digests of a conflict, the gates that refused. */
  readonly detail?: unknown
}

/** The one error of this package. The message says what was wrong, where, and what to do. */
export class StoreError extends Error {
  readonly code: StoreErrorCode
  readonly field: string | undefined
  readonly detail: unknown

  constructor(code: StoreErrorCode, message: string, options: StoreErrorOptions = {}) {
    super(message, { cause: options.cause })
    this.name = 'StoreError'
    this.code = code
    this.field = options.field
    this.detail = options.detail
  }
}

/** What Postgres said, wherever `pg` or Prisma's adapter put it. */
export interface PostgresRefusal {
  readonly sqlstate: string
  readonly message: string
  readonly detail: string | undefined
}

/** The error of Postgres inside an error of `pg` or Prisma; null when there is none. */
export function postgresError(error: unknown): PostgresRefusal | null {
  let at: unknown = error
  for (let depth = 0; depth < 8; depth++) {
    const sqlstate = text(field(at, 'originalCode')) ?? text(field(at, 'code'))
    // P2010 and the like have the form, and are Prisma's own.
    if (sqlstate !== undefined && /^[0-9A-Z]{5}$/.test(sqlstate) && !/^P\d{4}$/.test(sqlstate)) {
      return {
        sqlstate,
        message: text(field(at, 'originalMessage')) ?? text(field(at, 'message')) ?? '',
        detail: text(field(at, 'detail')),
      }
    }
    at = field(field(at, 'meta'), 'driverAdapterError') ?? field(at, 'cause')
  }
  return null
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** Class 08: connection lost; 57P: shutting down; 53: no room. Another try later may succeed. */
const UNAVAILABLE = /^(08...|57P..|53...|25P03)$/
const SOCKET = /^(P1001|P1002|P1008|P1017|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_AGAIN)$/
/** `pg` gives a connection that breaks, or that nobody answers, no code. */
const BROKEN =
  /^(Connection terminated|timeout exceeded when trying to connect|Client (has encountered a connection error|was closed) and is not queryable)/
/** What Prisma's adapter makes of a socket's error; of a raw query that is all it says (P2010). */
const AWAY = /^(DatabaseNotReachable|ConnectionClosed|SocketTimeout|TooManyConnections)$/

/** A refusal of Postgres (SQLSTATE SL001) or its absence as `StoreError`; anything else stays as it is. */
export function asStoreError(error: unknown): unknown {
  if (error instanceof StoreError) return error
  const said = postgresError(error)
  if (said?.sqlstate === 'SL001') {
    const code = REFUSALS.find((known) => known === said.message)
    if (code) return new StoreError(code, said.detail ?? said.message, { cause: error })
  }
  const code = text(field(error, 'code'))
  if (
    (said && UNAVAILABLE.test(said.sqlstate)) ||
    (code !== undefined && SOCKET.test(code)) ||
    BROKEN.test(text(field(error, 'message')) ?? '') ||
    AWAY.test(adapterKind(error) ?? '')
  ) {
    return new StoreError('unavailable', 'the database cannot be reached; try again', { cause: error })
  }
  return error
}

function adapterKind(error: unknown): string | undefined {
  const told = field(field(error, 'meta'), 'driverAdapterError') ?? error
  return text(field(field(told, 'cause'), 'kind'))
}

/** Did Postgres give the transaction up for another's sake (serialization failure, deadlock)? */
export function isGivenUp(error: unknown): boolean {
  const sqlstate = postgresError(error)?.sqlstate
  return sqlstate === '40001' || sqlstate === '40P01' || field(error, 'code') === 'P2034'
}
