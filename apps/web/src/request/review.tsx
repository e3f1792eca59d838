import type { Me, Request } from '@sluice/contract'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Chip } from '../parts/chip.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { TextArea } from '../parts/field.tsx'
import { Form, useAction } from '../parts/form.tsx'
import { Panel } from '../parts/page.tsx'
import { Moment } from '../parts/time.tsx'
import { client } from '../session/client.ts'
import { may, useMe } from '../session/me.ts'
import { decidedDigest, sourceName, targetName } from './naming.ts'
import { keepRequest } from './query.ts'

/** Persons beside the one who broke the glass. */
const NEEDED = 2

/** Whether this person can still look at what was let in without a quorum. */
export function reviewable({ breakGlass, lane, requester }: Request, me: Me): boolean {
  return (
    breakGlass !== null &&
    breakGlass.needsReview &&
    me.kind === 'person' &&
    requester !== me.name &&
    breakGlass.by !== me.name &&
    may(me, 'approve', lane.to) &&
    !breakGlass.reviews.some(({ person }) => person === me.name)
  )
}

/** How the request got round its quorum, and what others found when they looked. */
export function Review({ request }: { request: Request }) {
  const me = useMe()
  const [open, setOpen] = useState(false)
  const { breakGlass } = request
  if (breakGlass === null) return null
  const { by, at, reviews, needsReview } = breakGlass
  return (
    <Panel
      title="Glass was broken"
      aside={
        needsReview ? <Chip tone="wait">Needs review</Chip> : <Chip tone="good">Reviewed by {NEEDED}</Chip>
      }
    >
      <div className="stack">
        <p className="breaks">
          {by} let this in without a quorum, <Moment at={at} />.
        </p>
        {reviews.length > 0 && (
          <ul className="approvals">
            {reviews.map((review) => (
              <li key={review.person}>
                <strong className="breaks">{review.person}</strong>
                <p className="breaks comment">{review.comment}</p>
                <p className="soft small">
                  <Moment at={review.at} />
                </p>
              </li>
            ))}
          </ul>
        )}
        {needsReview && (
          <p className="small soft">
            {reviews.length} of {NEEDED} reviews. Anyone with the grant <code>approve</code> on{' '}
            {request.lane.to} may look at it, but not {by}.
          </p>
        )}
        {reviewable(request, me) && (
          <div className="row decide">
            <button type="button" className="button primary" onClick={() => setOpen(true)}>
              Review …
            </button>
          </div>
        )}
      </div>
      <Dialog title="What did you find?" open={open} onClose={() => setOpen(false)}>
        {open && <Say request={request} onClose={() => setOpen(false)} />}
      </Dialog>
    </Panel>
  )
}

function Say({ request, onClose }: { request: Request; onClose: () => void }) {
  const queries = useQueryClient()
  const [comment, setComment] = useState('')
  const review = useAction(
    () => client().reviewRequest({ params: { id: request.id }, body: { comment: comment.trim() } }),
    {
      done: (answer) => {
        keepRequest(queries, answer)
        onClose()
      },
    },
  )
  return (
    <Form action={review} does="Record my review" ready={comment.trim() !== ''} onClose={onClose}>
      <ul className="stack tight">
        {request.items.map((item) => (
          <li key={targetName(item)} className="breaks">
            <strong>{sourceName(item)}</strong> → {targetName(item)}
          </li>
        ))}
      </ul>
      <code className="whole-digest">{decidedDigest(request)}</code>
      <p className="small soft">
        A review changes nothing by itself. If it should not be there, recall it from its digest’s page.
      </p>
      <TextArea
        label="What you found"
        hint="What you looked at, and whether it may stay"
        required
        maxLength={4000}
        value={comment}
        wrong={review.wrong('comment')}
        onChange={(event) => setComment(event.target.value)}
      />
    </Form>
  )
}
