import type { Lane, RequestBody } from '@sluice/contract'
import { type ReactNode, useState } from 'react'
import { Dialog } from '../parts/dialog.tsx'
import { SelectField, TextArea } from '../parts/field.tsx'
import { Form, useAction } from '../parts/form.tsx'
import { laneChoices, useOpened } from '../request/opened.ts'
import { client } from '../session/client.ts'

/** What leads back: a recall that is undone, or tags that move to what they were on before. */
export type Back = {
  readonly kind: 'restore' | 'rollback'
  readonly title: string
  readonly digest: string
  /** As the trusted feed has it: `repository@digest`. */
  readonly image: string
  readonly tags?: readonly string[]
  readonly about: ReactNode
}

/** Asks for a restore or a rollback along a lane into the feed; `back` null closes it. */
export function BackDialog({
  back,
  lanes,
  onClose,
}: {
  back: Back | null
  lanes: readonly Lane[]
  onClose: () => void
}) {
  return (
    <Dialog title={back?.title ?? ''} open={back !== null} onClose={onClose}>
      {back !== null && <Ask back={back} lanes={lanes} onClose={onClose} />}
    </Dialog>
  )
}

function Ask({ back, lanes, onClose }: { back: Back; lanes: readonly Lane[]; onClose: () => void }) {
  const [lane, setLane] = useState(lanes[0]?.name ?? '')
  const [reason, setReason] = useState('')
  const body: RequestBody = {
    lane,
    kind: back.kind,
    image: back.image,
    reason: reason.trim(),
    ...(back.tags !== undefined && { targetTags: [...back.tags] }),
  }
  const ask = useAction(() => client().createRequest({ body }), { done: useOpened() })
  return (
    <Form
      action={ask}
      does={back.kind === 'restore' ? 'Ask to restore' : 'Ask to go back'}
      ready={reason.trim() !== '' && lane !== ''}
      onClose={onClose}
    >
      <code className="whole-digest">{back.digest}</code>
      <div>{back.about}</div>
      <SelectField
        label="Lane"
        hint="Its approvals decide"
        value={lane}
        wrong={ask.wrong('lane')}
        choices={laneChoices(lanes)}
        onChange={(event) => setLane(event.target.value)}
      />
      <TextArea
        label="Why"
        hint="What whoever decides should know"
        required
        maxLength={4000}
        value={reason}
        wrong={ask.wrong('reason')}
        onChange={(event) => setReason(event.target.value)}
      />
    </Form>
  )
}
