import type { Run, Store } from '@sluice/store'
import type { JsonValue } from '@sluice/proof'

/** What every step gets. */
export interface StepContext {
  readonly runs: Store['runs']
  readonly run: Run
  /** Aborted when another worker took over, or when this one has to stop. */
  readonly signal: AbortSignal
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
