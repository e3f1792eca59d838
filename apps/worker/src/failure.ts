import { OciError } from '@sluice/oci'
import { StoreError } from '@sluice/store'
import { WorkerError } from './errors.ts'

/**
 * - `fenced`: the promotion is no longer this worker's to write to.
 * - `refused`: a rule says no, now and whenever it is asked again; a new request is needed.
 * - `broke`: machinery did not work; another attempt may.
 */
export type Failure =
  | { readonly kind: 'fenced' }
  | { readonly kind: 'refused' | 'broke'; readonly code: string; readonly message: string }

/** The codes of the store with which a rule refuses an execution. */
const RULES: ReadonlySet<string> = new Set([
  'binding_mismatch',
  'closure_incomplete',
  'gate_refused',
  'not_admitted',
  'quorum_missing',
  'recall_lifted',
  'recalled',
  'request_expired',
  'request_state',
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
    if (code === 'unavailable') {
      return { kind: 'broke', code, message: `The database could not be reached during the step "${step}".` }
    }
  }
  if (error instanceof WorkerError) {
    const { code, message } = error
    if (code === 'lease_lost') return { kind: 'fenced' }
    if (code === 'closure_incomplete') return { kind: 'refused', code, message }
    if (code === 'worker_stopped') {
      return { kind: 'broke', code, message: `The worker was stopped during the step "${step}".` }
    }
  }
  // The image's own documents are not what they were approved as.
  if (error instanceof OciError)
    return { kind: 'refused', code: 'closure_incomplete', message: error.message }
  return {
    kind: 'broke',
    code: 'internal',
    message: `Something unexpected happened during the step "${step}"; the worker's log has the cause under this promotion's id.`,
  }
}
