import type { Lane } from '@sluice/contract'
import { useState } from 'react'
import { words } from '../format/words.ts'
import { Check, SelectField, TextArea, TextField } from '../parts/field.tsx'
import { Form, useAction } from '../parts/form.tsx'
import { client } from '../session/client.ts'
import { useMe } from '../session/me.ts'
import { laneChoices, useOpened } from './opened.ts'

/** Lets an image in alone: no quorum and no gate but the recall is asked, and it is on record. */
export function BreakGlass({
  image,
  lanes,
  onAsk,
  onClose,
}: {
  image: string
  lanes: readonly Lane[]
  /** Back to the ordinary way, for those who have it. */
  onAsk?: () => void
  onClose: () => void
}) {
  const me = useMe()
  const [lane, setLane] = useState(lanes[0]?.name ?? '')
  const [targetTags, setTargetTags] = useState('')
  const [reason, setReason] = useState('')
  const [sure, setSure] = useState(false)
  const tags = words(targetTags)
  const to = lanes.find(({ name }) => name === lane)?.to ?? 'the trusted feed'
  const item = { image, ...(tags.length > 0 && { targetTags: tags }) }
  const glass = useAction(
    () => client().breakGlass({ body: { lane, items: [item], reason: reason.trim() } }),
    { done: useOpened() },
  )
  return (
    <Form
      action={glass}
      does="Let it in now"
      tone="danger"
      ready={sure && reason.trim() !== ''}
      onClose={onAsk ?? onClose}
    >
      <div className="notice bad" role="alert">
        <strong>This lets {image} in without anybody’s approval</strong>
        <span className="small">
          No gate is asked but one: what is recalled stays out. It is for an emergency that cannot wait.
        </span>
      </div>
      <div className="notice">
        <strong>What will be on record, for ever</strong>
        <ul className="dots small">
          <li>that {me.displayName} broke the glass, when, for which digest, and the reason below</li>
          <li>
            the mark break-glass on the request, on what it lets into {to}, and on what <code>verify</code>{' '}
            answers
          </li>
          <li>needs review, until two other persons who may approve have said what they found</li>
        </ul>
      </div>
      <SelectField
        label="Lane"
        value={lane}
        wrong={glass.wrong('lane')}
        choices={laneChoices(lanes)}
        onChange={(event) => setLane(event.target.value)}
      />
      <TextField
        label="Target tags"
        hint="Empty: the same tag as here. Several, separated by spaces."
        value={targetTags}
        wrong={glass.wrong('items')}
        onChange={(event) => setTargetTags(event.target.value)}
      />
      <TextArea
        label="Why it cannot wait"
        hint="The incident, and who was asked"
        required
        maxLength={4000}
        value={reason}
        wrong={glass.wrong('reason')}
        onChange={(event) => setReason(event.target.value)}
      />
      <Check
        label="Nobody can approve it in time, and I answer for it"
        checked={sure}
        onChange={(event) => setSure(event.target.checked)}
      />
    </Form>
  )
}
