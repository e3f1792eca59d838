import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { lanesQuery } from '../feeds/queries.ts'
import { Chip } from '../parts/chip.tsx'
import { Digest } from '../parts/copy.tsx'
import { Moment } from '../parts/time.tsx'
import { may, useMe } from '../session/me.ts'
import { type Back, BackDialog } from './back-dialog.tsx'
import { ConfirmPurgeDialog, OpenPurgeDialog } from './purge-dialog.tsx'
import type { Withdrawal } from './queries.ts'

export function WithdrawalChip({ recall, purge }: Withdrawal) {
  if (purge !== null && purge.confirmed !== null) return <Chip tone="neutral">Purged</Chip>
  if (recall.lifted !== null) return <Chip tone="neutral">Restored</Chip>
  if (purge !== null) return <Chip tone="wait">Purge waits</Chip>
  return <Chip tone="bad">Recalled</Chip>
}

/** One recall with what became of it, and what this person may do about it. */
export function WithdrawalFacts({ recall, purge }: Withdrawal) {
  return (
    <div className="stack tight">
      <p className="breaks comment">{recall.reason}</p>
      <p className="soft small breaks">
        Recalled from {recall.feed} by {recall.by}, <Moment at={recall.at} />
      </p>
      {recall.lifted !== null && (
        <p className="small">
          Restored <Moment at={recall.lifted.at} /> by{' '}
          <Link to="/requests/$id" params={{ id: recall.lifted.request }} search={{}}>
            a request
          </Link>
        </p>
      )}
      {recall.places.length > 0 && (
        <p className="soft small breaks">
          {recall.lifted === null ? 'Reaches ' : 'Reached '}
          {recall.places
            .map(
              ({ feed, repository, tags }) =>
                `${feed}/${repository}${tags.length > 0 ? `:${tags.join(', ')}` : ''}`,
            )
            .join('; ')}
        </p>
      )}
      {recall.running.length > 0 && (
        <p className="notice bad small breaks">
          <strong>It still runs</strong>
          <span>
            {recall.running.map(({ site, digest, since }, position) => (
              <span key={`${site} ${digest}`}>
                {position > 0 && '; '}
                in{' '}
                <Link to="/running/$site" params={{ site }} search={{ standing: 'recalled' }}>
                  {site}
                </Link>{' '}
                since <Moment at={since} />
              </span>
            ))}
          </span>
        </p>
      )}
      {purge !== null && purge.confirmed === null && (
        <p className="notice wait small breaks">
          <strong>Its bytes are to go: {purge.reason}</strong>
          <span>
            Asked by {purge.openedBy}, <Moment at={purge.openedAt} />. Another person has to confirm it.
          </span>
        </p>
      )}
      {purge !== null && purge.confirmed !== null && (
        <div className="notice small breaks">
          <strong>Its bytes are gone: {purge.reason}</strong>
          <span>
            Asked by {purge.openedBy}, confirmed by {purge.confirmed.by}, <Moment at={purge.confirmed.at} />.
            Nobody can push it again.
          </span>
          <span className="row">
            Gone with it:
            {purge.confirmed.digests.map((digest) => (
              <Digest key={digest} digest={digest} />
            ))}
          </span>
        </div>
      )}
    </div>
  )
}

/** Restore, purge, confirm: whatever is left to do and this person may. */
export function WithdrawalActions({ recall, purge }: Withdrawal) {
  const me = useMe()
  const lanes = useQuery(lanesQuery)
  const [asks, setAsks] = useState<'restore' | 'purge' | 'confirm' | null>(null)
  const close = () => setAsks(null)
  if (recall.lifted !== null || (purge !== null && purge.confirmed !== null)) return null
  const into = (lanes.data ?? []).filter(({ to }) => to === recall.feed && may(me, 'request', to))
  const place = recall.places.find(({ feed, digest }) => feed === recall.feed && digest === recall.digest)
  const restorable = into.length > 0 && place !== undefined
  const opens = purge === null && me.kind === 'person' && me.roles.includes('admin')
  const confirms =
    purge !== null &&
    purge.openedBy !== me.name &&
    me.kind === 'person' &&
    (me.roles.includes('admin') || may(me, 'recall', recall.feed))
  const back: Back | null =
    asks !== 'restore' || place === undefined
      ? null
      : {
          kind: 'restore',
          title: `Restore it in ${recall.feed}?`,
          digest: recall.digest,
          image: `${place.repository}@${recall.digest}`,
          about: `It was recalled by ${recall.by}: ${recall.reason}. Once this is approved it may be pulled again where it was; no tag moves.`,
        }
  return (
    <>
      {(restorable || opens || confirms) && (
        <div className="row">
          {restorable && (
            <button type="button" className="button small" onClick={() => setAsks('restore')}>
              Restore …
            </button>
          )}
          {opens && (
            <button type="button" className="button small danger" onClick={() => setAsks('purge')}>
              Remove its bytes …
            </button>
          )}
          {confirms && (
            <button type="button" className="button small danger" onClick={() => setAsks('confirm')}>
              Confirm the purge …
            </button>
          )}
        </div>
      )}
      <BackDialog back={back} lanes={into} onClose={close} />
      <OpenPurgeDialog recall={asks === 'purge' ? recall : null} onClose={close} />
      <ConfirmPurgeDialog purge={asks === 'confirm' ? purge : null} recall={recall} onClose={close} />
    </>
  )
}
