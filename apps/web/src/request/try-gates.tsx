import type { Action } from '../parts/form.tsx'

/** Evaluates the gates before anything is asked for; what was refused before is no longer said. */
export function TryGates({
  evaluate,
  ask,
  ready = true,
}: {
  evaluate: Pick<Action<unknown>, 'pending' | 'run'>
  ask: Pick<Action<unknown>, 'reset'>
  ready?: boolean
}) {
  return (
    <button
      type="button"
      className="button"
      disabled={!ready || evaluate.pending}
      onClick={() => {
        ask.reset()
        evaluate.run()
      }}
    >
      Try the gates
    </button>
  )
}
