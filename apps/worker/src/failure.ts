import { FeedError } from '@sluice/feed'
import { OciError, RegistryError, type RegistryErrorCode } from '@sluice/oci'
import { StoreError } from '@sluice/store'
import { WorkerError, type WorkerErrorCode } from './errors.ts'

/**
 * - `fenced`: the promotion is no longer this worker's to write to.
 * - `refused`: a rule says no, now and whenever it is asked again; a new request is needed.
 * - `broke`: machinery did not work; another attempt may, or when `forGood` only after a person has done something.
 */
export type Failure =
  | { readonly kind: 'fenced' }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  | { readonly kind: 'broke'; readonly code: string; readonly message: string; readonly forGood: boolean }

/** The codes of the store with which a rule refuses an execution. */
const RULES: ReadonlySet<string> = new Set([
  'binding_mismatch',
  'closure_incomplete',
  'gate_refused',
  'not_admitted',
  'purged',
  'quorum_missing',
  'recall_lifted',
  'recalled',
  'request_expired',
  'request_state',
  'tag_alerted',
  'tag_exists',
  'tag_immutable',
  'tag_not_permitted',
  'target_moved',
])

/** What an error in this step means for the promotion, in words for a release manager. */
export function judge(error: unknown, step: string): Failure {
  if (error instanceof StoreError) {
    const { code, message } = error
    if (code === 'fenced') return { kind: 'fenced' }
    if (RULES.has(code)) return { kind: 'refused', code, message }
    if (code === 'unavailable')
      return broke(code, `The database could not be reached during the step "${step}".`)
    if (code === 'secret_unusable') return broke(code, message, true)
  }
  if (error instanceof WorkerError) {
    const { code, message } = error
    if (code === 'lease_lost') return { kind: 'fenced' }
    if (code === 'closure_incomplete') return { kind: 'refused', code, message }
    const advice = AFTER_WRITING[code]
    if (advice !== undefined) return broke(code, `During the step "${step}": ${message}; ${advice}.`)
    if (code === 'feed_gone') return broke(code, message, true)
    if (code === 'unsupported') return broke(code, `During the step "${step}": ${message}.`, true)
    if (code === 'worker_stopped') return broke(code, `The worker was stopped during the step "${step}".`)
  }
  if (error instanceof RegistryError) return ofRegistry(error, step)
  // The image's own documents are not what they were approved as.
  if (error instanceof OciError)
    return { kind: 'refused', code: 'closure_incomplete', message: error.message }
  if (isFull(error)) {
    const message = `The storage of Sluice is full, so the step "${step}" could not go on; make room there.`
    return broke('storage_full', message)
  }
  if (error instanceof FeedError) {
    const message = `The storage of Sluice failed during the step "${step}": ${error.message}.`
    return broke('storage_failed', message)
  }
  return broke(
    'internal',
    `Something unexpected happened during the step "${step}"; the worker's log has the cause under this promotion's id.`,
  )
}

/** What can be done about it; nothing said: it is tried again, and is worth a look if it lasts. */
const ADVICE: Partial<Record<RegistryErrorCode, string>> = {
  connection: 'look at the network between here and there if it lasts, then retry',
  timeout: 'look at that registry and at the network if it lasts, then retry',
  dns: 'then retry',
  refused: 'then retry',
  wrong_digest: 'if it lasts, push the image there again, then retry',
  wrong_length: 'if it lasts, push the image there again, then retry',
  unauthorized: 'give it credentials that are valid there, then retry',
  forbidden: 'give the feed credentials that may do this there, then retry',
  realm_refused: 'if that is its token server, add it to realmAllowList of the feed, then retry',
  address_refused:
    'if the registry is inside your network, name its host in privateHosts of the feed, then retry',
  plain_http_refused: 'use https, or name the host in plainHttp of the feed, then retry',
  tls: 'correct the certificates of the feed or of the registry, then retry',
  settings_invalid: 'correct the settings of the feed, then retry',
  redirect_refused: 'look at where the registry redirects to, then retry',
  not_found: 'push the image to the source again, then retry',
  rate_limited: 'retry after that',
  unsupported: 'that registry cannot hold this image',
  rejected: 'look at the rules of that registry, then retry',
}

/** Of a registry that does not keep what it accepted; another attempt may find it healed. */
const AFTER_WRITING: Partial<Record<WorkerErrorCode, string>> = {
  destination_lost: 'if it lasts, look at the storage of that registry, then retry',
  tag_not_set: 'see who else writes to it, and whether it keeps what it accepts, then retry',
  feed_changed: 'it is tried again with the new ones',
}

/** Those that another attempt alone may heal. */
const PASSING: ReadonlySet<RegistryErrorCode> = new Set([
  'bad_response',
  'connection',
  'dns',
  'manifest_incomplete',
  'rate_limited',
  'refused',
  'server_error',
  'storage_full',
  'timeout',
  'upload_lost',
  'wrong_digest',
  'wrong_length',
])

function ofRegistry(error: RegistryError, step: string): Failure {
  const { code, message } = error
  // By digest nothing can change, so no further attempt finds it otherwise.
  if (code === 'closure_differs') {
    return { kind: 'refused', code, message: `During the step "${step}": ${message}.` }
  }
  const advice = ADVICE[code]
  const said = `During the step "${step}": ${message}${advice === undefined ? '' : `; ${advice}`}.`
  return broke(code, said, !PASSING.has(code))
}

function broke(code: string, message: string, forGood = false): Failure {
  return { kind: 'broke', code, message, forGood }
}

function isFull(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ENOSPC' || code === 'EDQUOT'
}
