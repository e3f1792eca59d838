import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { lanesQuery } from '../feeds/queries.ts'
import { Dialog } from '../parts/dialog.tsx'
import { TextArea } from '../parts/field.tsx'
import { Form, useAction } from '../parts/form.tsx'
import { Await } from '../parts/states.tsx'
import { client } from '../session/client.ts'
import { WITHDRAWN } from './queries.ts'
import { feedsAfter } from './reach.ts'

export type Recalled = { readonly feed: string; readonly digest: string; readonly name: string }

/** Withdraws an image from a trusted feed; `of` null closes it. */
export function RecallDialog({ of, onClose }: { of: Recalled | null; onClose: () => void }) {
  return (
    <Dialog title={`Recall ${of?.name ?? ''} from ${of?.feed ?? ''}?`} open={of !== null} onClose={onClose}>
      {of !== null && <Ask of={of} onClose={onClose} />}
    </Dialog>
  )
}

function Ask({ of: { feed, digest }, onClose }: { of: Recalled; onClose: () => void }) {
  const [reason, setReason] = useState('')
  const recall = useAction(() => client().createRecall({ body: { digest, feed, reason: reason.trim() } }), {
    refresh: WITHDRAWN,
    done: onClose,
  })
  return (
    <Form
      action={recall}
      does="Recall this digest"
      tone="danger"
      ready={reason.trim() !== ''}
      onClose={onClose}
    >
      <code className="whole-digest">{digest}</code>
      <Follows feed={feed} digest={digest} />
      <TextArea
        label="Why"
        hint="Whoever pulls it reads this: name the finding and what to use instead"
        required
        maxLength={4000}
        value={reason}
        wrong={recall.wrong('reason')}
        onChange={(event) => setReason(event.target.value)}
      />
    </Form>
  )
}

/** What stops working, told before it does. */
function Follows({ feed, digest }: { feed: string; digest: string }) {
  const lanes = useQuery(lanesQuery)
  const found = useQuery({
    queryKey: ['digest', digest],
    queryFn: () => client().getDigest({ params: { digest } }),
  })
  const reached = [feed, ...feedsAfter(lanes.data ?? [], feed)]
  return (
    <div className="notice wait">
      <strong>From then on nobody pulls it</strong>
      <Await query={found} lines={2}>
        {({ places, containedIn }) => {
          const here = places.filter((place) => reached.includes(place.feed))
          const indexes = containedIn.filter((place) => reached.includes(place.feed))
          return (
            <ul className="dots small">
              {here.map((place) => (
                <li key={`${place.feed}/${place.repository}`} className="breaks">
                  {place.feed}/{place.repository}
                  {place.tags.length > 0 && `, tags ${[...place.tags, ...place.virtualTags].join(', ')}`}
                </li>
              ))}
              {indexes.map((place) => (
                <li key={`${place.feed}/${place.repository}@${place.digest}`} className="breaks">
                  the index {place.feed}/{place.repository}
                  {place.tags.length > 0 ? `:${place.tags.join(', ')}` : `@${place.digest.slice(0, 19)}…`},
                  which contains it
                </li>
              ))}
              <li>
                {reached.length > 1
                  ? `also in the feeds after ${feed}: ${reached.slice(1).join(', ')}`
                  : `no lane that you see leads on from ${feed}`}
              </li>
              <li>open requests for it are blocked, approved ones fail; virtual tags fall back</li>
              <li>feeds before {feed} still serve it, and who has pulled it keeps it</li>
            </ul>
          )
        }}
      </Await>
      <span className="small">
        Undoing it takes a request of its own, with the approvals of a lane into {feed}.
      </span>
    </div>
  )
}
