import type { Calls } from '@sluice/contract'

/** Put in by the build, from the table of operations: the schemas of that table stay out of the browser. */
declare const SLUICE_CALLS: Calls

export const calls = (): Calls => SLUICE_CALLS
