import type { Request } from '@sluice/contract'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Dialog } from '../parts/dialog.tsx'
import { TextArea } from '../parts/field.tsx'
import { Form, useAction } from '../parts/form.tsx'
import { client } from '../session/client.ts'
import { decidedDigest, sourceName, targetName } from './naming.ts'
import { keepRequest } from './query.ts'

/** Shows once more, whole, what is decided on: the digest is what is sent. */
export function DecisionDialog({
  request,
  asks,
  onClose,
}: {
  request: Request
  asks: 'approve' | 'reject' | null
  onClose: () => void
}) {
  return (
    <Dialog
      title={asks === 'reject' ? 'Reject this request?' : 'Approve this digest?'}
      open={asks !== null}
      onClose={onClose}
    >
      {asks !== null && <Decide request={request} decision={asks} onClose={onClose} />}
    </Dialog>
  )
}

function Decide({
  request,
  decision,
  onClose,
}: {
  request: Request
  decision: 'approve' | 'reject'
  onClose: () => void
}) {
  const queries = useQueryClient()
  const [comment, setComment] = useState('')
  const digest = decidedDigest(request)
  const decide = useAction(
    () =>
      client().decideRequest({
        params: { id: request.id },
        body: { decision, digest, ...(comment.trim() !== '' && { comment: comment.trim() }) },
      }),
    {
      done: (answer) => {
        keepRequest(queries, answer)
        onClose()
      },
    },
  )
  const drifted = request.items.filter(({ drift }) => drift !== null)
  return (
    <Form
      action={decide}
      does={decision === 'reject' ? 'Reject' : 'Approve this digest'}
      tone={decision === 'reject' ? 'danger' : 'primary'}
      ready={decision === 'approve' || comment.trim() !== ''}
      onClose={onClose}
    >
      <ul className="stack tight">
        {request.items.map((item) => (
          <li key={`${item.digest} ${targetName(item)}`} className="breaks">
            <strong>{sourceName(item)}</strong> → {targetName(item)}
          </li>
        ))}
      </ul>
      <div className="stack tight">
        <span className="soft small">
          {request.items.length === 1 ? 'Digest' : 'Digest over the whole set'}
        </span>
        <code className="whole-digest">{digest}</code>
      </div>
      {decision === 'approve' && drifted.length > 0 && (
        <p className="notice wait small">
          The source tag has moved since. What is promoted is the digest above, not what the tag shows now.
        </p>
      )}
      <TextArea
        label={decision === 'reject' ? 'Why' : 'Comment'}
        hint={decision === 'reject' ? 'Who asked reads this' : 'Optional; kept in the record'}
        required={decision === 'reject'}
        maxLength={4000}
        value={comment}
        wrong={decide.wrong('comment')}
        onChange={(event) => setComment(event.target.value)}
      />
    </Form>
  )
}
