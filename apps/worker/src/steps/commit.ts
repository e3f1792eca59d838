import { setTags } from './tags.ts'
import { finished, type Step } from './step.ts'

/**
 * One transaction: entry, admission, memberships, tags and the state SUCCEEDED, after Postgres has checked once more
 * all that the approval bound. Where the target's registry is elsewhere, those checks come first, in a transaction that
 * says what is about to happen; then the tags are set there; then it is written down as done.
 */
export const commit: Step = {
  name: 'commit',
  async perform(context) {
    const { runs, run, signal } = context
    signal.throwIfAborted()
    if (run.remoteTarget) await setTags(context)
    await runs.commit(run)
    return finished
  },
}
