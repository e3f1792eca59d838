import type { Executed, Feed, Lane, Request } from '@sluice/contract'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { feedsQuery, lanesQuery } from '../feeds/queries.ts'
import { Chip, RequestChip } from '../parts/chip.tsx'
import { Command, Digest } from '../parts/copy.tsx'
import { PageHead, Panel } from '../parts/page.tsx'
import { Await, Empty } from '../parts/states.tsx'
import { AskDialog } from '../request/ask-dialog.tsx'
import { requestName } from '../request/naming.ts'
import { client } from '../session/client.ts'
import { may, useMe } from '../session/me.ts'

const EVERY_MS = 5_000

/** From an empty service to an image that was pushed, approved by somebody else, and can be pulled. */
export function Guide() {
  const lanes = useQuery(lanesQuery)
  return (
    <>
      <PageHead title="First steps">
        <p>
          From an empty service to an image that somebody else approved. Each step is ticked off by itself.
        </p>
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
            <Steps lane={lane} />
          )
        }
      </Await>
    </>
  )
}

/** How far it is: what was pushed last, what was asked for, what was let in. */
function useProgress({ name, from, to }: Lane) {
  const me = useMe()
  const approver = useQuery({
    queryKey: ['guide', 'approver', to],
    queryFn: () => client().getGrants({ params: { feed: to } }),
    enabled: may(me, 'admin', to),
    refetchInterval: EVERY_MS,
  })
  const pushed = useQuery({
    queryKey: ['guide', 'pushed', from],
    queryFn: async () => {
      const { items } = await client().listRepositories({ params: { feed: from }, query: { limit: 1 } })
      const [repository] = items
      if (repository === undefined) return null
      const tags = await client().listTags({
        params: { feed: from },
        query: { repository: repository.name, limit: 200 },
      })
      const tag = tags.items.filter(({ virtual }) => !virtual).at(-1)
      return tag === undefined ? null : `${repository.name}:${tag.tag}`
    },
    enabled: may(me, 'pull', from),
    refetchInterval: EVERY_MS,
  })
  const asked = useQuery({
    queryKey: ['guide', 'asked', name],
    queryFn: () => client().listRequests({ query: { lane: name, limit: 20 } }),
    refetchInterval: EVERY_MS,
  })
  const promoted = useQuery({
    queryKey: ['guide', 'promoted', to],
    queryFn: () => client().listPromotions({ query: { feed: to, limit: 10 } }),
    refetchInterval: EVERY_MS,
  })
  return {
    approver:
      approver.data?.items.some(
        ({ principal, verbs }) =>
          verbs.includes('approve') && principal !== `user:${me.name}` && !principal.startsWith('robot:'),
      ) ?? false,
    pushed: pushed.data ?? null,
    asked: asked.data?.items.find(({ kind }) => kind === 'promote') ?? null,
    // What was let in by breaking the glass is not the way that is shown here.
    promoted:
      promoted.data?.items.find(({ state, approvers }) => state === 'SUCCEEDED' && approvers.length > 0) ??
      null,
  }
}

function Steps({ lane }: { lane: Lane }) {
  const me = useMe()
  const feeds = useQuery(feedsQuery)
  const { approver, pushed, asked, promoted } = useProgress(lane)
  const { from, to } = lane
  const fed = feeds.data?.find(({ name }) => name === from)
  return (
    <ol className="guide">
      <li>
        <Panel title="A second person" aside={<Done done={approver || promoted !== null} />}>
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
        <Panel title={`Push an image to ${from}`} aside={<Done done={pushed !== null} />}>
          {pushed === null ? (
            <Push feed={fed} from={from} />
          ) : (
            <p className="breaks">
              {from} holds <strong>{pushed}</strong>.
            </p>
          )}
        </Panel>
      </li>
      <li>
        <Ask lane={lane} pushed={pushed} asked={asked} />
      </li>
      <li>
        <Approve asked={asked} promoted={promoted} />
      </li>
      <li>
        <Pull to={to} promoted={promoted} />
      </li>
    </ol>
  )
}

/** In a registry elsewhere, who signs in there is another. */
function Push({ feed, from }: { feed: Feed | undefined; from: string }) {
  const me = useMe()
  if (feed === undefined || !(may(me, 'push', from) || feed.kind !== 'hosted')) {
    return <p className="soft">It takes the grants pull and push on {from}.</p>
  }
  const { kind, address } = feed
  const host = address.split('/', 1)[0]
  return (
    <div className="stack tight">
      <Command text={`docker login ${host}${kind === 'hosted' ? ` -u ${me.name}` : ''}`} />
      <Command text={`docker tag hello-world ${address}/hello:1.0.0`} />
      <Command text={`docker push ${address}/hello:1.0.0`} />
    </div>
  )
}

function Ask({ lane, pushed, asked }: { lane: Lane; pushed: string | null; asked: Request | null }) {
  const me = useMe()
  const [open, setOpen] = useState(false)
  return (
    <Panel title="Ask for its promotion" aside={<Done done={asked !== null} />}>
      {asked !== null ? (
        <AskedFor request={asked} />
      ) : pushed === null ? (
        <p className="soft">Once an image is pushed, it is asked for here.</p>
      ) : (
        <div className="stack tight">
          {may(me, 'request', lane.to) && (
            <div className="row">
              <button type="button" className="button primary" onClick={() => setOpen(true)}>
                Promote {pushed} …
              </button>
            </div>
          )}
          <p className="soft small">Or from the command line, as CI does it:</p>
          <Command text={`sluice request ${pushed} --lane ${lane.name} --wait`} />
        </div>
      )}
      <AskDialog image={open ? pushed : null} lanes={[lane]} onClose={() => setOpen(false)} />
    </Panel>
  )
}

function AskedFor({ request }: { request: Request }) {
  return (
    <p className="row">
      <Link to="/requests/$id" params={{ id: request.id }} search={{}} className="breaks">
        {requestName(request)}
      </Link>
      <RequestChip state={request.state} promotion={request.promotion} />
      <span className="soft small breaks">asked by {request.requester}</span>
    </p>
  )
}

function Approve({ asked, promoted }: { asked: Request | null; promoted: Executed | null }) {
  const me = useMe()
  const done = promoted !== null || asked?.state === 'APPROVED'
  return (
    <Panel title="Have it approved" aside={<Done done={done} />}>
      {done ? (
        <p className="breaks">
          Approved by{' '}
          <strong>
            {(promoted?.approvers ?? asked?.approvals.map(({ person }) => person) ?? []).join(', ')}
          </strong>
          , who is somebody else than who asked.
        </p>
      ) : asked?.requester === me.name ? (
        <p>
          Sign in as the second person, in another browser: the request is in that <Link to="/">Inbox</Link>,
          with what it changes. This page goes on by itself.
        </p>
      ) : (
        <p>
          The second person finds it in the <Link to="/">Inbox</Link>, sees what changes, and approves the
          digest.
        </p>
      )}
    </Panel>
  )
}

function Pull({ to, promoted }: { to: string; promoted: Executed | null }) {
  const target = promoted?.targets[0]
  if (promoted === null || target === undefined) {
    return (
      <Panel title={`Pull it from ${to}`} aside={<Done done={false} />}>
        <p className="soft">
          Moments after the approval it is in {to}, under the very digest that was pushed.
        </p>
      </Panel>
    )
  }
  return (
    <Panel title={`Pull it from ${to}`} aside={<Done done />}>
      <div className="stack tight">
        <Command text={target.tagPullCommand ?? target.pullCommand ?? ''} />
        <p className="notice good">
          <strong>That is the whole way</strong>
          <span className="breaks">
            {target.feed}/{target.repository} is <Digest digest={target.digest} link />, which{' '}
            {promoted.requester} asked for and {promoted.approvers.join(', ')} approved.
          </span>
        </p>
        <p className="row">
          <Link to="/requests/$id" params={{ id: promoted.requestId }} search={{}}>
            Its request
          </Link>
          <Link to="/lanes">Lanes: gates on tests, scans and signatures</Link>
          <Link to="/tokens">A token for CI</Link>
        </p>
      </div>
    </Panel>
  )
}

function Done({ done }: { done: boolean }) {
  return done ? <Chip tone="good">Done</Chip> : <Chip tone="neutral">Not yet</Chip>
}
