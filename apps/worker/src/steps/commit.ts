import { finished, type Step } from './step.ts'

/**
 * One transaction: entry, admission, memberships, tags and the state SUCCEEDED, after Postgres has checked once more
 * all that the approval bound.
 */
export const commit: Step = {
  name: 'commit',
  async perform({ runs, run, signal }) {
    signal.throwIfAborted()
    await runs.commit(run)
    return finished
  },
}
