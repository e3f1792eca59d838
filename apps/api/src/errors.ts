import { STATUS_CODES } from 'node:http'
import type { FieldError, Problem } from '@sluice/contract'
import { FeedError } from '@sluice/feed'
import { OciError } from '@sluice/oci'
import { PromotionError, type PromotionErrorCode } from '@sluice/promotion'
import { asStoreError, StoreError, type StoreErrorCode } from '@sluice/store'
import { ApiError, type ApiErrorCode } from './problem.ts'

type Code = ApiErrorCode | StoreErrorCode | PromotionErrorCode

/** The one mapping from a code to its HTTP status. 500: no input leads there. */
const STATUS: Readonly<Record<Code, number>> = {
  invalid: 400,
  credentials_invalid: 401,
  unauthenticated: 401,
  approve_not_granted: 403,
  denied: 403,
  forbidden: 403,
  password_known_to_requester: 403,
  purge_not_granted: 403,
  break_glass_not_granted: 403,
  recall_not_granted: 403,
  person_disabled: 403,
  robot_cannot_approve: 403,
  second_admin_needed: 403,
  self_approval: 403,
  trusted_feed: 403,
  digest_unknown: 404,
  lane_unknown: 404,
  not_found: 404,
  tag_unknown: 404,
  method_not_allowed: 405,
  already_committing: 409,
  already_decided: 409,
  approval_fixed: 409,
  binding_mismatch: 409,
  digest_mismatch: 409,
  feed_fixed: 409,
  feed_in_use: 409,
  feed_name_reserved: 409,
  fenced: 409,
  change_pending: 409,
  lane_circle: 409,
  lane_fixed: 409,
  lane_source: 409,
  last_admin: 409,
  name_taken: 409,
  not_recalled: 409,
  promotion_state: 409,
  purged: 409,
  recall_lifted: 409,
  recalled: 409,
  request_fixed: 409,
  request_state: 409,
  secret_unusable: 409,
  tag_alerted: 409,
  tag_exists: 409,
  tag_held: 409,
  tag_immutable: 409,
  target_moved: 409,
  trusted_fixed: 409,
  request_expired: 410,
  precondition_failed: 412,
  too_large: 413,
  unsupported_media_type: 415,
  closure_incomplete: 422,
  foreign_layers: 422,
  gate_refused: 422,
  idempotency_mismatch: 422,
  not_admitted: 422,
  quorum_missing: 422,
  tag_not_permitted: 422,
  rate_limited: 429,
  too_many_streams: 429,
  alert_fixed: 500,
  append_only: 500,
  blob_fixed: 500,
  entry_invalid: 500,
  entry_missing: 500,
  gate_report_fixed: 500,
  key_file_invalid: 500,
  lane_change_fixed: 500,
  membership_fixed: 500,
  migration_changed: 500,
  promotion_fixed: 500,
  purge_fixed: 500,
  recall_fixed: 500,
  repository_fixed: 500,
  requester_missing: 500,
  running_fixed: 500,
  schema_ahead: 500,
  schema_behind: 500,
  site_fixed: 500,
  remote_refused: 502,
  remote_unavailable: 503,
  unavailable: 503,
}

/** An error as it crosses HTTP, without the id of the request. */
export type Refusal = {
  readonly problem: Omit<Problem, 'requestId'>
  readonly headers: Readonly<Record<string, string>>
}

/** The issues that packages/promotion found, on their way through the store. */
export function issuesOf(detail: unknown): readonly FieldError[] | undefined {
  const found =
    typeof detail === 'object' && detail !== null && 'issues' in detail ? detail.issues : undefined
  return Array.isArray(found) ? found : undefined
}

/** The one mapping from what was thrown to a problem document; what nobody foresaw tells the client nothing. */
export function refusalOf(error: unknown): Refusal {
  const thrown = asStoreError(error)
  if (thrown instanceof ApiError) {
    return refusal(thrown.code, STATUS[thrown.code], thrown.message, thrown.errors, {
      headers: thrown.headers,
    })
  }
  if (thrown instanceof PromotionError) {
    const { code, message, issues, detail } = thrown
    return refusal(code, STATUS[code], message, issues, { context: detail })
  }
  if (thrown instanceof StoreError) {
    const { code, message, field, detail } = thrown
    const issues = issuesOf(detail)
    if (issues !== undefined) return refusal(code, STATUS[code], message, issues)
    const errors = field === undefined ? [] : [{ field, rule: code, message }]
    return refusal(code, STATUS[code], message, errors, { context: detail, headers: retryAfter(detail) })
  }
  if (thrown instanceof OciError) {
    const rule = thrown.code.toLowerCase()
    return refusal('invalid', 400, thrown.message, [{ field: '', rule, message: thrown.message }])
  }
  if (thrown instanceof FeedError && thrown.status < 500) {
    return refusal(thrown.code.toLowerCase(), thrown.status, thrown.message, [], { headers: thrown.headers })
  }
  return bodyRefusal(thrown) ?? refusal('internal', 500, UNFORESEEN)
}

/** RFC 6585, section 4. */
function retryAfter(detail: unknown): Readonly<Record<string, string>> {
  const seconds = typeof detail === 'object' && detail !== null && 'retryAfter' in detail && detail.retryAfter
  return typeof seconds === 'number' ? { 'Retry-After': String(seconds) } : {}
}

/** RFC 9110, sections 11.6.1 and 10.2.3. */
const ALWAYS: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  401: { 'WWW-Authenticate': 'Bearer realm="sluice"' },
  503: { 'Retry-After': '2' },
}

const UNFORESEEN = 'the service failed to answer; its log says why, under the requestId'

function refusal(
  code: string,
  status: number,
  detail: string,
  errors: readonly FieldError[] = [],
  { headers = {}, context }: { headers?: Readonly<Record<string, string>>; context?: unknown } = {},
): Refusal {
  const told =
    status === 500
      ? { code: 'internal', detail: UNFORESEEN, errors: [] }
      : { code, detail, errors: [...errors] }
  return {
    problem: {
      type: 'about:blank',
      title: STATUS_CODES[status] ?? 'Error',
      status,
      ...told,
      ...(context !== undefined && status !== 500 && { context }),
    },
    headers: { ...ALWAYS[status], ...headers },
  }
}

/** What Express and its body parser refuse by themselves (http-errors with a type). */
function bodyRefusal(thrown: unknown): Refusal | null {
  const { status, type } = (thrown ?? {}) as { status?: unknown; type?: unknown }
  if (status === 413) return refusal('too_large', 413, 'the body is larger than this call takes')
  if (status === 415) {
    return refusal(
      'unsupported_media_type',
      415,
      'send application/json in UTF-8, without a content encoding',
    )
  }
  if (status !== 400) return null
  if (type !== 'entity.parse.failed') return refusal('invalid', 400, 'the request could not be read whole')
  const message = 'the body is no JSON object or array'
  return refusal('invalid', 400, message, [{ field: '', rule: 'json', message }])
}
