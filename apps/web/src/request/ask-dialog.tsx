import type { Lane } from '@sluice/contract'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { words } from '../format/words.ts'
import { Dialog } from '../parts/dialog.tsx'
import { SelectField, TextArea, TextField } from '../parts/field.tsx'
import { Form, useAction } from '../parts/form.tsx'
import { client } from '../session/client.ts'
import { may, useMe } from '../session/me.ts'
import { BreakGlass } from './break-glass.tsx'
import { Gates } from './gates.tsx'
import { laneChoices, useOpened } from './opened.ts'
import { TryGates } from './try-gates.tsx'

/** Asks to promote one image, or lets it in without anybody's approval; `image` null closes it. */
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
      {image !== null && <Ways key={image} image={image} lanes={lanes} onClose={onClose} />}
    </Dialog>
  )
}

type Asking = { image: string; lanes: readonly Lane[]; onClose: () => void }

function Ways({ lanes, ...of }: Asking) {
  const me = useMe()
  const asks = lanes.filter(({ to }) => may(me, 'request', to))
  const breaks = me.kind === 'person' ? lanes.filter(({ to }) => may(me, 'break-glass', to)) : []
  const [alone, setAlone] = useState(asks.length === 0)
  if (alone) {
    return <BreakGlass {...of} lanes={breaks} {...(asks.length > 0 && { onAsk: () => setAlone(false) })} />
  }
  return <Ask {...of} lanes={asks} {...(breaks.length > 0 && { onBreak: () => setAlone(true) })} />
}

function Ask({ image, lanes, onClose, onBreak }: Asking & { onBreak?: () => void }) {
  const [lane, setLane] = useState(lanes[0]?.name ?? '')
  const [targetTags, setTargetTags] = useState('')
  const [reason, setReason] = useState('')
  const tags = words(targetTags)
  const body = {
    lane,
    image,
    ...(tags.length > 0 && { targetTags: tags }),
    ...(reason.trim() !== '' && { reason: reason.trim() }),
  }
  const evaluate = useAction(() => client().evaluateRequest({ body }))
  const ask = useAction(() => client().createRequest({ body }), { done: useOpened() })
  const wrong = (field: string) => ask.wrong(field) ?? evaluate.wrong(field)
  return (
    <>
      <Form
        action={ask}
        does="Ask"
        onClose={onClose}
        refused={evaluate.error}
        beside={<TryGates evaluate={evaluate} ask={ask} />}
      >
        <SelectField
          label="Lane"
          value={lane}
          wrong={wrong('lane')}
          choices={laneChoices(lanes)}
          onChange={(event) => {
            evaluate.reset()
            setLane(event.target.value)
          }}
        />
        <TextField
          label="Target tags"
          hint="Empty: the same tag as here. Several, separated by spaces."
          value={targetTags}
          wrong={wrong('targetTags')}
          onChange={(event) => {
            evaluate.reset()
            setTargetTags(event.target.value)
          }}
        />
        <TextArea
          label="Why"
          hint="What whoever decides should know"
          value={reason}
          wrong={wrong('reason')}
          onChange={(event) => setReason(event.target.value)}
        />
        {evaluate.answer !== undefined && <Gates gates={evaluate.answer.gates} />}
      </Form>
      <p className="small soft apart">
        Does it go together with others?{' '}
        <Link to="/requests/new" search={{ lane, image: [[image, ...tags].join(' ')] }}>
          Ask for several at once
        </Link>
      </p>
      {onBreak !== undefined && (
        <p className="small soft apart">
          Production is down, and nobody is there to approve?{' '}
          <button type="button" className="button small danger" onClick={onBreak}>
            Break the glass …
          </button>
        </p>
      )}
    </>
  )
}
