import type { DigestView as Found } from '@sluice/contract'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { Evidence } from '../evidence/evidence.tsx'
import { formatSize } from '../format/size.ts'
import { shortDigest } from '../format/digest.ts'
import { Chip } from '../parts/chip.tsx'
import { Command, Digest } from '../parts/copy.tsx'
import { PageHead, Panel } from '../parts/page.tsx'
import { Await } from '../parts/states.tsx'
import { Moment } from '../parts/time.tsx'
import { purgesQuery, useWithdrawals } from '../recall/queries.ts'
import { RecallDialog, type Recalled } from '../recall/recall-dialog.tsx'
import { WithdrawalActions, WithdrawalChip, WithdrawalFacts } from '../recall/withdrawn.tsx'
import { WhereItRuns } from '../running/where.tsx'
import { client, statusOf } from '../session/client.ts'
import { may, useMe } from '../session/me.ts'
import { Content } from './content.tsx'
import { feedsQuery } from './queries.ts'
import { Referrers } from './referrers.tsx'

export function DigestView() {
  const { digest } = useParams({ from: '/shell/digests/$digest' })
  const found = useQuery({
    queryKey: ['digest', digest],
    queryFn: () => client().getDigest({ params: { digest } }),
  })
  const purged = useQuery(purgesQuery).data?.some(({ confirmed }) => confirmed?.digests.includes(digest))
  // What was purged is in no feed any more: its tombstone says all there is to say.
  const gone = purged === true && statusOf(found.error) === 404
  return (
    <>
      <PageHead
        title={shortDigest(digest)}
        heading={<Digest digest={digest} whole />}
        crumbs={[
          <Link key="feeds" to="/feeds">
            Feeds
          </Link>,
          'Digest',
        ]}
      >
        {found.data?.mediaType != null && (
          <p className="small breaks">
            {found.data.mediaType}
            {found.data.size !== null && `, ${formatSize(found.data.size)} of manifest`}
          </p>
        )}
      </PageHead>
      <Withdrawals digest={digest} />
      <Await query={gone ? { ...found, data: null } : found}>
        {(view) => {
          if (view === null) return null
          const place = view.places[0]
          return (
            <div className="stack">
              <Places view={view} />
              <WhereItRuns digest={digest} />
              <Evidence digests={[digest]} />
              {place !== undefined && (
                <>
                  <Content key={digest} place={place} digest={digest} />
                  <Referrers place={place} digest={digest} />
                </>
              )}
            </div>
          )
        }}
      </Await>
    </>
  )
}

/** What was withdrawn of this very digest, with what may be done about it. */
function Withdrawals({ digest }: { digest: string }) {
  const { data } = useWithdrawals()
  const about = (data ?? []).filter(
    ({ recall, purge }) => recall.digest === digest || purge?.confirmed?.digests.includes(digest) === true,
  )
  if (about.length === 0) return null
  return (
    <ul className="stack withdrawals" aria-label="Recalls of this digest">
      {about.map(({ recall, purge }) => (
        <li key={recall.id} className="panel">
          <header>
            <h2>
              {purge?.confirmed != null
                ? 'This was purged'
                : recall.lifted !== null
                  ? 'It was recalled, and restored'
                  : `This is recalled from ${recall.feed}`}
            </h2>
            <WithdrawalChip recall={recall} purge={purge} />
          </header>
          <div className="body stack tight">
            <WithdrawalFacts recall={recall} purge={purge} />
            <WithdrawalActions recall={recall} purge={purge} />
          </div>
        </li>
      ))}
    </ul>
  )
}

function Places({ view: { places, digest } }: { view: Found }) {
  const me = useMe()
  const feeds = useQuery(feedsQuery)
  const [asked, setAsked] = useState<Recalled | null>(null)
  const recallable = (feed: string) =>
    may(me, 'recall', feed) && feeds.data?.some(({ name, trusted }) => name === feed && trusted) === true
  // Where it was let in says most.
  const sorted = places.toSorted((a, b) => Number(b.admission !== null) - Number(a.admission !== null))
  return (
    <Panel title="Where it is" flush>
      <ul className="timeline">
        {sorted.map(({ feed, repository, tags, virtualTags, admission, recall, pullCommand }) => (
          <li key={`${feed}/${repository}`}>
            <span className="row">
              <Link
                to="/feeds/$feed/repositories/$"
                params={{ feed, _splat: repository }}
                search={{}}
                className="breaks"
              >
                {feed}/{repository}
              </Link>
              {tags.map((tag) => (
                <Chip key={tag} tone="accent" plain>
                  {tag}
                </Chip>
              ))}
              {virtualTags.map((tag) => (
                <Chip key={tag} tone="neutral" plain>
                  {tag}
                </Chip>
              ))}
              {recall !== null && <Chip tone="bad">Recalled</Chip>}
              {tags.length === 0 && <span className="soft small">no tag points here now</span>}
            </span>
            {admission !== null && (
              <span className="small breaks">
                Let in{' '}
                <Link to="/requests/$id" params={{ id: admission.request }} search={{}}>
                  by the request of {admission.requester}
                </Link>
                , approved by {admission.approvers.join(', ')}, <Moment at={admission.at} />
              </span>
            )}
            {recall !== null && (
              <span className="notice bad small breaks">
                <strong>
                  It may not be pulled from here since <Moment at={recall.at} />
                </strong>
                {recall.reason}
                {recall.digest !== digest && (
                  <span className="row">
                    It contains what is recalled: <Digest digest={recall.digest} link />
                  </span>
                )}
              </span>
            )}
            {pullCommand !== null && <Command text={pullCommand} />}
            {recall === null && recallable(feed) && (
              <span className="row">
                <button
                  type="button"
                  className="button small"
                  aria-label={`Recall it from ${feed}`}
                  onClick={() => setAsked({ feed, digest, name: `${repository}@${shortDigest(digest)}` })}
                >
                  Recall …
                </button>
              </span>
            )}
          </li>
        ))}
      </ul>
      <RecallDialog of={asked} onClose={() => setAsked(null)} />
    </Panel>
  )
}
