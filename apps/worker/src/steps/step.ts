import type { BlobStorage } from '@sluice/feed'
import type { Registry } from '@sluice/oci'
import type { JsonValue } from '@sluice/proof'
import type { Run, Store } from '@sluice/store'
import type { Logger } from 'pino'
import type { Registries } from '../ends/registries.ts'
import type { TagTimes } from './tags.ts'

/** What every step gets. */
export interface StepContext {
  readonly runs: Store['runs']
  readonly run: Run
  /** Of the feeds whose content is elsewhere. */
  readonly registries: Registries
  /** Where the blobs of our own feeds are. */
  readonly storage: BlobStorage
  readonly tagTimes: TagTimes
  /** By feed, the registry that was read back in this attempt: the only one in which tags are set. */
  readonly verified: Map<string, Registry>
  /** Aborted when the promotion was cancelled, another worker took over, or this one has to stop. */
  readonly signal: AbortSignal
  readonly log: Logger
}

/**
 * One named part of a promotion. It may be done again from its start, after a crash anywhere in it, and has the same
 * effect once. Its result is stored with its name; an attempt that resumes skips what has one.
 */
export interface Step {
  readonly name: string
  /** `finished`: its last transaction also stored its result. */
  perform(context: StepContext): Promise<JsonValue | typeof finished>
}

export const finished = Symbol('finished')
