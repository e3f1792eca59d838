import type { Lane } from '@sluice/contract'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { TextField } from '../parts/field.tsx'
import { Panel } from '../parts/page.tsx'
import { Refused } from '../parts/states.tsx'
import { Gates } from '../request/gates.tsx'
import { client, fieldErrorsOf } from '../session/client.ts'

/** What every gate would say of an image; nothing is asked for. */
export function TryImage({ lane }: { lane: Lane }) {
  const [image, setImage] = useState('')
  const evaluate = useMutation({
    mutationFn: () => client().evaluateRequest({ body: { lane: lane.name, image } }),
  })
  return (
    <div className="stack">
      <Panel title="Try an image">
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault()
            evaluate.mutate()
          }}
        >
          <TextField
            label={`Image in ${lane.from}`}
            placeholder="team/app:1.4.2"
            hint="Shows what each gate of the saved version would say; changes nothing."
            required
            value={image}
            wrong={fieldErrorsOf(evaluate.error).get('image')}
            onChange={(event) => setImage(event.target.value)}
          />
          <Refused error={evaluate.error} />
          <div className="row">
            <button type="submit" className="button" disabled={evaluate.isPending}>
              Try
            </button>
          </div>
        </form>
      </Panel>
      {evaluate.data !== undefined && <Gates gates={evaluate.data.gates} />}
    </div>
  )
}
