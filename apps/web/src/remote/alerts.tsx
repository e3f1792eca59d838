import type { Alert } from '@sluice/contract'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { Digest } from '../parts/copy.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { TextArea } from '../parts/field.tsx'
import { Form, useAction } from '../parts/form.tsx'
import { allPages } from '../parts/paging.ts'
import { type Column, Table } from '../parts/table.tsx'
import { Age } from '../parts/time.tsx'
import { client } from '../session/client.ts'
import { may, useMe } from '../session/me.ts'

const EVERY_MS = 15_000
const MOST = 1_000

/** Tags of trusted remote feeds that somebody changed by another way than a promotion. */
export function useAlerts() {
  return useQuery({
    queryKey: ['alerts'],
    queryFn: () => allPages((page) => client().listAlerts({ query: { state: 'open', ...page } }), MOST),
    refetchInterval: EVERY_MS,
  })
}

/** What of it the filter of the inbox asks for. */
export const alertsFor = (alerts: readonly Alert[], find = '') =>
  alerts.filter(({ feed, repository, tag, expected, seen }) =>
    [`${feed}/${repository}:${tag}`, expected ?? '', seen ?? ''].some((text) =>
      text.toLowerCase().includes(find.toLowerCase()),
    ),
  )

/** In a sentence: what is not as a promotion left it. */
export function happened({ expected, seen }: Pick<Alert, 'expected' | 'seen'>): string {
  if (seen === null) return 'is gone from the registry'
  return expected === null ? 'was set there, and nothing was ever promoted to it' : 'was moved there'
}

export function Alerts({ alerts }: { alerts: readonly Alert[] }) {
  const me = useMe()
  const [open, setOpen] = useState<Alert | null>(null)
  const columns: readonly Column<Alert>[] = [
    {
      head: 'Tag',
      width: 'minmax(0, 2fr)',
      named: false,
      cell: (alert) => (
        <>
          <Link
            to="/feeds/$feed/repositories/$"
            params={{ feed: alert.feed, _splat: alert.repository }}
            search={{ tag: alert.tag }}
            className="main"
          >
            {alert.feed}/{alert.repository}:{alert.tag}
          </Link>
          <div className="soft small breaks">{happened(alert)}, by another way than a promotion</div>
        </>
      ),
    },
    {
      head: 'Promoted',
      width: '200px',
      cell: ({ expected }) =>
        expected === null ? <span className="soft">nothing</span> : <Digest digest={expected} link />,
    },
    {
      head: 'There now',
      width: '200px',
      cell: ({ seen }) => (seen === null ? <span className="soft">nothing</span> : <Digest digest={seen} />),
    },
    { head: 'Seen', width: '120px', cell: ({ firstSeen }) => <Age at={firstSeen} /> },
    {
      head: 'Do',
      width: '100px',
      end: true,
      named: false,
      cell: (alert) =>
        may(me, 'admin', alert.feed) && (
          <button
            type="button"
            className="button small"
            aria-label={`Resolve ${alert.tag} of ${alert.repository}`}
            onClick={() => setOpen(alert)}
          >
            Resolve …
          </button>
        ),
    },
  ]
  if (alerts.length === 0) return null
  const close = () => setOpen(null)
  return (
    <div className="matters">
      <Table label="Tags changed elsewhere" columns={columns} items={alerts} keyOf={({ id }) => id} />
      <Dialog title={`What about ${open?.tag ?? ''}?`} open={open !== null} onClose={close}>
        {open !== null && <Resolve alert={open} onClose={close} />}
      </Dialog>
    </div>
  )
}

type Way = NonNullable<Alert['resolved']>['resolution']

function Resolve({ alert, onClose }: { alert: Alert; onClose: () => void }) {
  const { expected, seen } = alert
  const [resolution, setResolution] = useState<Way>('restored')
  const [comment, setComment] = useState('')
  const resolve = useAction(
    () => client().resolveAlert({ params: { id: alert.id }, body: { resolution, comment: comment.trim() } }),
    { refresh: ['alerts', 'tags'], done: onClose },
  )
  const ways: readonly (readonly [Way, string, string])[] = [
    [
      'restored',
      'It is put right',
      expected === null
        ? 'The tag was removed in the registry. It is looked at now, and must be gone.'
        : 'The registry serves again what was promoted. It is looked at now, and must do so.',
    ],
    ...(seen === null && expected !== null
      ? ([
          ['accept-removed', 'It stays removed', 'The tag goes from the record of promotions, too.'],
        ] as const)
      : []),
    ['accepted', 'It stays as it is there', 'On record as an exception, until the tag changes again.'],
  ]
  return (
    <Form action={resolve} does="Resolve" ready={comment.trim() !== ''} onClose={onClose}>
      <p className="breaks">
        <strong>
          {alert.feed}/{alert.repository}:{alert.tag}
        </strong>{' '}
        {happened(alert)}, first seen <Age at={alert.firstSeen} />.
      </p>
      <dl className="facts">
        <dt>Promoted</dt>
        <dd>{expected === null ? 'nothing' : <code>{expected}</code>}</dd>
        <dt>There now</dt>
        <dd>{seen === null ? 'nothing' : <code>{seen}</code>}</dd>
      </dl>
      <fieldset>
        <legend>What becomes of it</legend>
        {ways.map(([way, words, about]) => (
          <label key={way} className="check way">
            <input
              type="radio"
              name="resolution"
              checked={resolution === way}
              onChange={() => setResolution(way)}
            />
            <span>
              {words}
              <span className="soft small">{about}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <TextArea
        label="What you found"
        hint="Who changed it, and why it may end so; kept on record"
        required
        maxLength={4000}
        value={comment}
        wrong={resolve.wrong('comment') ?? resolve.wrong('resolution')}
        onChange={(event) => setComment(event.target.value)}
      />
    </Form>
  )
}
