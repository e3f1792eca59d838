import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Dialog } from '../parts/dialog.tsx'
import { Form, useAction } from '../parts/form.tsx'
import { Moment } from '../parts/time.tsx'
import { BackDialog } from '../recall/back-dialog.tsx'
import { client } from '../session/client.ts'
import { may, useMe } from '../session/me.ts'
import { feedsQuery, lanesQuery } from './queries.ts'

type Earlier = {
  readonly feed: string
  readonly repository: string
  readonly tag: string
  /** What the tag was on from `at` on. */
  readonly digest: string
  readonly at: string
}

/** Moves a tag to what it was on before: in a trusted feed by a request, elsewhere at once. */
export function GoBack(to: Earlier) {
  const me = useMe()
  const feeds = useQuery(feedsQuery)
  const lanes = useQuery(lanesQuery)
  const [open, setOpen] = useState(false)
  const { feed, repository, tag, digest, at } = to
  const trusted = feeds.data?.find(({ name }) => name === feed)?.trusted
  const into = (lanes.data ?? []).filter((lane) => lane.to === feed && may(me, 'request', feed))
  if (trusted === undefined || !(trusted ? into.length > 0 : may(me, 'push', feed))) return null
  return (
    <span className="row">
      <button type="button" className="button small" onClick={() => setOpen(true)}>
        Go back to this …
      </button>
      {trusted ? (
        <BackDialog
          back={
            open
              ? {
                  kind: 'rollback',
                  title: `Move ${tag} back?`,
                  digest,
                  image: `${repository}@${digest}`,
                  tags: [tag],
                  about: (
                    <>
                      {feed}/{repository}:{tag} was on it from <Moment at={at} />. Once this is approved, the
                      tag moves there; evidence and soak are not asked again.
                    </>
                  ),
                }
              : null
          }
          lanes={into}
          onClose={() => setOpen(false)}
        />
      ) : (
        <Dialog title={`Move ${tag} back?`} open={open} onClose={() => setOpen(false)}>
          {open && <MoveNow to={to} onClose={() => setOpen(false)} />}
        </Dialog>
      )}
    </span>
  )
}

function MoveNow({
  to: { feed, repository, tag, digest, at },
  onClose,
}: {
  to: Earlier
  onClose: () => void
}) {
  const move = useAction(() => client().restoreTag({ params: { feed }, body: { repository, tag, digest } }), {
    refresh: ['tags', 'tag-life', 'digest'],
    done: onClose,
  })
  return (
    <Form action={move} does="Move it back now" onClose={onClose}>
      <code className="whole-digest">{digest}</code>
      <p className="breaks">
        {feed}/{repository}:{tag} was on it from <Moment at={at} />. It moves at once, as a push would do it.
      </p>
    </Form>
  )
}
