import type { Purge, Recall } from '@sluice/contract'
import { useState } from 'react'
import { Dialog } from '../parts/dialog.tsx'
import { Check, TextArea } from '../parts/field.tsx'
import { Form, useAction } from '../parts/form.tsx'
import { Moment } from '../parts/time.tsx'
import { client } from '../session/client.ts'
import { WITHDRAWN } from './queries.ts'

/** Asks for the bytes of what is recalled to go; `recall` null closes it. */
export function OpenPurgeDialog({ recall, onClose }: { recall: Recall | null; onClose: () => void }) {
  return (
    <Dialog title="Ask to remove its bytes?" open={recall !== null} onClose={onClose}>
      {recall !== null && <Open recall={recall} onClose={onClose} />}
    </Dialog>
  )
}

function Open({ recall: { digest, feed }, onClose }: { recall: Recall; onClose: () => void }) {
  const [reason, setReason] = useState('')
  const open = useAction(() => client().openPurge({ body: { digest, feed, reason: reason.trim() } }), {
    refresh: WITHDRAWN,
    done: onClose,
  })
  return (
    <Form action={open} does="Ask for the purge" tone="danger" ready={reason.trim() !== ''} onClose={onClose}>
      <code className="whole-digest">{digest}</code>
      <div className="notice wait">
        <strong>Nothing goes yet</strong>
        <span className="small">
          Another person has to confirm it. Then it cannot be undone: see what goes below.
        </span>
      </div>
      <Goes />
      <TextArea
        label="Why"
        hint="Kept on record and told to whoever pulls it: do not repeat the secret itself"
        required
        maxLength={4000}
        value={reason}
        wrong={open.wrong('reason')}
        onChange={(event) => setReason(event.target.value)}
      />
    </Form>
  )
}

/** The second person's word; `purge` null closes it. */
export function ConfirmPurgeDialog({
  purge,
  recall,
  onClose,
}: {
  purge: Purge | null
  recall: Recall | null
  onClose: () => void
}) {
  return (
    <Dialog title="Remove its bytes for ever?" open={purge !== null} onClose={onClose}>
      {purge !== null && <Confirm purge={purge} recall={recall} onClose={onClose} />}
    </Dialog>
  )
}

function Confirm({ purge, recall, onClose }: { purge: Purge; recall: Recall | null; onClose: () => void }) {
  const [sure, setSure] = useState(false)
  const confirm = useAction(() => client().confirmPurge({ params: { id: purge.id } }), {
    refresh: WITHDRAWN,
    done: onClose,
  })
  return (
    <Form action={confirm} does="Remove for ever" tone="danger" ready={sure} onClose={onClose}>
      <code className="whole-digest">{purge.digest}</code>
      <dl className="facts">
        <dt>Asked by</dt>
        <dd>
          {purge.openedBy}, <Moment at={purge.openedAt} />
        </dd>
        <dt>Why</dt>
        <dd className="comment">{purge.reason}</dd>
        {recall !== null && (
          <>
            <dt>Recalled</dt>
            <dd>
              by {recall.by}: {recall.reason}
            </dd>
          </>
        )}
      </dl>
      <Goes />
      <Check
        label="I have looked at the digest above. It is to be gone, and cannot come back."
        checked={sure}
        onChange={(event) => setSure(event.target.checked)}
      />
    </Form>
  )
}

function Goes() {
  return (
    <div className="notice bad">
      <strong>What goes, in every feed</strong>
      <ul className="dots small">
        <li>the manifest with its tags, and of an index the images that nothing else holds</li>
        <li>blobs that no other image needs; shared layers stay where those images are</li>
        <li>this digest is never taken again, and tells why it is gone</li>
      </ul>
      <span className="small">
        Who let it in, evidence and the audit log stay. Backups and clients keep what they have: rotate a
        leaked secret all the same.
      </span>
    </div>
  )
}
