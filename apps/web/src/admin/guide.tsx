import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { feedsQuery, lanesQuery } from '../feeds/queries.ts'
import { Chip } from '../parts/chip.tsx'
import { Command } from '../parts/copy.tsx'
import { PageHead, Panel } from '../parts/page.tsx'
import { Await, Empty } from '../parts/states.tsx'
import { client } from '../session/client.ts'
import { useMe } from '../session/me.ts'

/** From an empty service to an image that was pushed, approved by somebody else, and can be pulled. */
export function Guide() {
  const lanes = useQuery(lanesQuery)
  return (
    <>
      <PageHead title="First steps">
        <p>From an empty service to an image that somebody else approved.</p>
      </PageHead>
      <Await query={lanes}>
        {([lane]) =>
          lane === undefined ? (
            <div className="panel">
              <Empty title="No lane is open to you">
                <p>An administrator makes a lane and grants you pull, push and request on its feeds.</p>
              </Empty>
            </div>
          ) : (
            <Steps from={lane.from} to={lane.to} lane={lane.name} />
          )
        }
      </Await>
    </>
  )
}

function Steps({ from, to, lane }: { from: string; to: string; lane: string }) {
  const me = useMe()
  const feeds = useQuery(feedsQuery)
  const pushed = useQuery({
    queryKey: ['guide', 'pushed', from],
    queryFn: () => client().listRepositories({ params: { feed: from }, query: { limit: 1 } }),
    refetchInterval: 5_000,
    enabled: feeds.data?.some(({ name }) => name === from) === true,
  })
  const promoted = useQuery({
    queryKey: ['guide', 'promoted', to],
    queryFn: () => client().listPromotions({ query: { feed: to, limit: 1 } }),
    refetchInterval: 5_000,
  })
  const host = location.host
  return (
    <ol className="guide">
      <li>
        <Panel title="A second person">
          <p>
            Nobody approves the own request.{' '}
            {me.roles.includes('admin') ? (
              <>
                Make another user in <Link to="/admin">Users</Link> and grant it <code>approve</code> on {to}{' '}
                in{' '}
                <Link to="/admin/grants" search={{ feed: to }}>
                  Grants
                </Link>
                .
              </>
            ) : (
              'An administrator makes users and grants.'
            )}
          </p>
        </Panel>
      </li>
      <li>
        <Panel
          title={`Push an image to ${from}`}
          aside={<Done done={(pushed.data?.items.length ?? 0) > 0} />}
        >
          <div className="stack tight">
            <Command text={`docker login ${host} -u ${me.name}`} />
            <Command text={`docker tag hello-world ${host}/${from}/hello:1.0.0`} />
            <Command text={`docker push ${host}/${from}/hello:1.0.0`} />
          </div>
        </Panel>
      </li>
      <li>
        <Panel title="Ask for its promotion">
          <div className="stack tight">
            <p>
              In{' '}
              <Link to="/feeds/$feed" params={{ feed: from }} search={{}}>
                {from}
              </Link>
              , open the repository and press Promote; or from the command line:
            </p>
            <Command text={`sluice request hello:1.0.0 --lane ${lane} --wait`} />
          </div>
        </Panel>
      </li>
      <li>
        <Panel title="Have it approved">
          <p>
            The second person finds it in the <Link to="/">Inbox</Link>, sees what changes, and approves the
            digest.
          </p>
        </Panel>
      </li>
      <li>
        <Panel title={`Pull it from ${to}`} aside={<Done done={(promoted.data?.items.length ?? 0) > 0} />}>
          <Command text={`docker pull ${host}/${to}/hello:1.0.0`} />
        </Panel>
      </li>
    </ol>
  )
}

function Done({ done }: { done: boolean }) {
  return done ? <Chip tone="good">Done</Chip> : <Chip tone="neutral">Not yet</Chip>
}
