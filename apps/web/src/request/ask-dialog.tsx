import type { Lane } from '@sluice/contract'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { Dialog } from '../parts/dialog.tsx'
import { SelectField, TextArea, TextField } from '../parts/field.tsx'
import { Refused } from '../parts/states.tsx'
import { client, fieldErrorsOf } from '../session/client.ts'
import { Gates } from './gates.tsx'
import { keepRequest } from './query.ts'

/** Asks to promote one image; `image` null closes it. */
export function AskDialog({
  image,
  lanes,
  onClose,
}: {
  image: string | null
  lanes: readonly Lane[]
  onClose: () => void
}) {
  return (
    <Dialog title={`Promote ${image ?? ''}`} open={image !== null} onClose={onClose}>
      {image !== null && <Ask key={image} image={image} lanes={lanes} onClose={onClose} />}
    </Dialog>
  )
}

function Ask({ image, lanes, onClose }: { image: string; lanes: readonly Lane[]; onClose: () => void }) {
  const navigate = useNavigate()
  const queries = useQueryClient()
  const [lane, setLane] = useState(lanes[0]?.name ?? '')
  const [targetTags, setTargetTags] = useState('')
  const [reason, setReason] = useState('')
  const tags = targetTags.split(/[\s,]+/).filter((tag) => tag !== '')
  const body = {
    lane,
    image,
    ...(tags.length > 0 && { targetTags: tags }),
    ...(reason.trim() !== '' && { reason: reason.trim() }),
  }
  const evaluate = useMutation({ mutationFn: () => client().evaluateRequest({ body }) })
  const ask = useMutation({
    mutationFn: () => client().createRequest({ body }),
    onSuccess: async (request) => {
      keepRequest(queries, request)
      await navigate({ to: '/requests/$id', params: { id: request.id }, search: {} })
    },
  })
  const error = ask.error ?? evaluate.error
  const wrong = fieldErrorsOf(error)
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        evaluate.reset()
        ask.mutate()
      }}
    >
      <SelectField
        label="Lane"
        value={lane}
        wrong={wrong.get('lane')}
        choices={lanes.map(({ name, from, to }) => ({ value: name, label: `${name} (${from} → ${to})` }))}
        onChange={(event) => {
          evaluate.reset()
          setLane(event.target.value)
        }}
      />
      <TextField
        label="Target tags"
        hint="Empty: the same tag as here. Several, separated by spaces."
        value={targetTags}
        wrong={wrong.get('targetTags')}
        onChange={(event) => {
          evaluate.reset()
          setTargetTags(event.target.value)
        }}
      />
      <TextArea
        label="Why"
        hint="What whoever decides should know"
        value={reason}
        wrong={wrong.get('reason')}
        onChange={(event) => setReason(event.target.value)}
      />
      {evaluate.data !== undefined && <Gates gates={evaluate.data.gates} />}
      <Refused error={error} />
      <footer>
        <button type="button" className="button" onClick={onClose}>
          Back
        </button>
        <button
          type="button"
          className="button"
          disabled={evaluate.isPending}
          onClick={() => {
            ask.reset()
            evaluate.mutate()
          }}
        >
          Try the gates
        </button>
        <button type="submit" className="button primary" disabled={ask.isPending}>
          Ask
        </button>
      </footer>
    </form>
  )
}
