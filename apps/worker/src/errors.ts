/**
 * - `setting_missing`: a variable of the environment without which a worker has nothing to do.
 * - `queue_schema_missing`: the schema in which the queue's tables live does not exist, and only the owner may
 *   make one.
 * - `closure_incomplete`: what is stored is not the whole image that was approved.
 * - `destination_lost`: a registry accepted what it does not serve; it is copied again.
 * - `tag_not_set`: a registry accepted a tag and serves something else, or nothing, under it.
 * - `unsupported`: a registry sets no tag to a digest that is not sha256.
 * - `feed_changed`: the registry of a feed is another one than was read back.
 * - `feed_gone`: a feed of the lane no longer has a registry.
 * - `lease_lost`: another worker may run this promotion by now.
 * - `worker_stopped`: the process ends.
 */
export type WorkerErrorCode =
  | 'setting_missing'
  | 'queue_schema_missing'
  | 'closure_incomplete'
  | 'destination_lost'
  | 'tag_not_set'
  | 'unsupported'
  | 'feed_changed'
  | 'feed_gone'
  | 'lease_lost'
  | 'worker_stopped'

/** The one error of this app. The message says what was wrong, where, and what to do. */
export class WorkerError extends Error {
  readonly code: WorkerErrorCode

  constructor(code: WorkerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'WorkerError'
    this.code = code
  }
}
