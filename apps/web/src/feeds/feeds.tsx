import type { Feed, Lane } from '@sluice/contract'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Chip } from '../parts/chip.tsx'
import { PageHead } from '../parts/page.tsx'
import { Await, Empty } from '../parts/states.tsx'
import { Age } from '../parts/time.tsx'
import { useMe } from '../session/me.ts'
import { FeedTabs } from './feed-tabs.tsx'
import { feedsQuery, lanesQuery } from './queries.ts'
import { inOrder } from './stage-order.ts'

export function Feeds() {
  const lanes = useQuery(lanesQuery)
  return (
    <>
      <PageHead title="Feeds" />
      <FeedTabs />
      <Await query={useQuery(feedsQuery)}>
        {(feeds) =>
          feeds.length === 0 ? (
            <div className="panel">
              <Empty title="No feed is open to you">
                <p>An administrator grants pull on a feed.</p>
              </Empty>
            </div>
          ) : (
            <ul className="cards">
              {inOrder(feeds, lanes.data ?? []).map((feed) => (
                <li key={feed.id} className="card">
                  <Card feed={feed} lanes={lanes.data ?? []} />
                </li>
              ))}
            </ul>
          )
        }
      </Await>
    </>
  )
}

function Card({ feed, lanes }: { feed: Feed; lanes: readonly Lane[] }) {
  const me = useMe()
  const verbs = me.grants.find((grant) => grant.feed === feed.name)?.verbs ?? []
  const leaving = lanes.filter(({ from }) => from === feed.name)
  const coming = lanes.filter(({ to }) => to === feed.name)
  return (
    <>
      <h2>
        {verbs.includes('pull') ? (
          <Link to="/feeds/$feed" params={{ feed: feed.name }} search={{}}>
            {feed.name}
          </Link>
        ) : (
          feed.name
        )}
      </h2>
      <p className="row">
        <Chip tone="neutral" plain>
          {feed.stage}
        </Chip>
        {feed.trusted && <Chip tone="good">trusted</Chip>}
      </p>
      <dl className="facts small">
        <Lanes words="Filled from" lanes={coming} end="from" />
        <Lanes words="Leads to" lanes={leaving} end="to" />
        {feed.formerNames.length > 0 && (
          <>
            <dt>Formerly</dt>
            <dd>{feed.formerNames.join(', ')}</dd>
          </>
        )}
        <dt>You may</dt>
        <dd>{verbs.join(', ') || 'nothing'}</dd>
        <dt>Since</dt>
        <dd>
          <Age at={feed.createdAt} />
        </dd>
      </dl>
    </>
  )
}

/** The other ends of lanes, each with the lane that leads there. */
function Lanes({ words, lanes, end }: { words: string; lanes: readonly Lane[]; end: 'from' | 'to' }) {
  if (lanes.length === 0) return null
  return (
    <>
      <dt>{words}</dt>
      <dd>
        {lanes.map((lane, position) => (
          <span key={lane.id}>
            {position > 0 && ', '}
            {lane[end]} by{' '}
            <Link to="/lanes/$lane" params={{ lane: lane.name }} search={{}}>
              {lane.name}
            </Link>
          </span>
        ))}
      </dd>
    </>
  )
}
