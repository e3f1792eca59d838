import type { Request } from '@sluice/contract'
import { Link, useParams, useSearch } from '@tanstack/react-router'
import { Evidence } from '../evidence/evidence.tsx'
import { KindChip, RequestChip } from '../parts/chip.tsx'
import { Digest } from '../parts/copy.tsx'
import { PageHead } from '../parts/page.tsx'
import { Await } from '../parts/states.tsx'
import { Age } from '../parts/time.tsx'
import { useStanding } from '../recall/queries.ts'
import { placeOf } from '../recall/reach.ts'
import { About } from './about.tsx'
import { Changes } from './changes.tsx'
import { Decision } from './decision.tsx'
import { Gates } from './gates.tsx'
import { Items } from './items.tsx'
import { decidedDigest, requestName, sourceName, targetName } from './naming.ts'
import { LateReferrers } from './late-referrers.tsx'
import { Progress } from './progress.tsx'
import { useRequest } from './query.ts'
import { Result } from './result.tsx'
import { Review } from './review.tsx'

export function RequestView() {
  const { id } = useParams({ from: '/shell/requests/$id' })
  return <Await query={useRequest(id)}>{(request) => <Shown request={request} />}</Await>
}

function Shown({ request }: { request: Request }) {
  const search = useSearch({ from: '/shell/requests/$id' })
  const position = Math.min(search.item ?? 0, request.items.length - 1)
  const item = request.items[Math.max(0, position)]
  return (
    <>
      <PageHead
        title={requestName(request)}
        crumbs={[
          <Link key="inbox" to="/">
            Inbox
          </Link>,
          `${request.lane.from} → ${request.lane.to}`,
        ]}
      >
        <p className="row">
          <span role="status" aria-label="State">
            <RequestChip state={request.state} promotion={request.promotion} />
          </span>
          <KindChip request={request} />
          <Digest digest={decidedDigest(request)} link={request.items.length === 1} />
          {request.state === 'PENDING' && (
            <Link
              from="/requests/$id"
              to="."
              search={(now) => now}
              hash="decision"
              className="button small narrow"
            >
              To the decision
            </Link>
          )}
        </p>
      </PageHead>
      <Drift request={request} />
      <Recalled request={request} />
      <div className="request" data-state={request.state}>
        <div className="stack">
          {request.promotion?.state === 'SUCCEEDED' && <Result request={request} />}
          {request.promotion !== null && <Progress promotion={request.promotion} />}
          <About request={request} />
          {request.items.length > 1 && <Items request={request} position={position} />}
          {item !== undefined && request.kind !== 'restore' && (
            <Changes
              key={`${item.digest} ${targetName(item)}`}
              item={item}
              ofSet={request.items.length > 1}
            />
          )}
        </div>
        <div className="stack aside">
          <Review request={request} />
          {!letIn(request) && <Decision request={request} />}
          <Gates gates={request.gates} />
          {item !== undefined && <Evidence key={item.digest} digests={[item.digest]} />}
          {request.promotion?.state === 'SUCCEEDED' && <LateReferrers request={request} />}
        </div>
      </div>
    </>
  )
}

/** Of a broken glass there is nothing to decide, and once it is in nothing to cancel or to retry. */
const letIn = ({ kind, promotion }: Request) => kind === 'break-glass' && promotion?.state === 'SUCCEEDED'

function Drift({ request: { items, state, promotion } }: { request: Request }) {
  const done = state !== 'PENDING' && promotion?.state !== 'QUEUED' && promotion?.state !== 'RUNNING'
  const moved = items.filter(({ drift }) => drift !== null)
  if (done || moved.length === 0) return null
  return (
    <div className="notice wait" role="status">
      <strong>The source tag has moved since this was asked</strong>
      {moved.map((item) => (
        <p key={sourceName(item)} className="breaks small">
          {sourceName(item)} {item.drift?.to == null ? 'was removed' : 'points at '}
          {item.drift?.to != null && <Digest digest={item.drift.to} />}
          {item.drift?.at != null && (
            <>
              {' '}
              (<Age at={item.drift.at} />)
            </>
          )}
          . What is decided on here stays <Digest digest={item.digest} />
        </p>
      ))}
    </div>
  )
}

/** The recall that a restore would undo, or one that keeps an item out of the feed it leads to. */
function Recalled({ request }: { request: Request }) {
  const standing = useStanding()
  const { kind, lane, items } = request
  const found = new Set(
    items.flatMap(({ digest, target }) => standing.get(placeOf(lane.to, target.repository, digest)) ?? []),
  )
  return [...found].map((recall) => (
    <div key={recall.id} className="notice bad" role="status">
      <strong>
        {kind === 'restore' ? 'This undoes a recall' : `What it brings is recalled from ${recall.feed}`}
      </strong>
      <p className="breaks small">
        {recall.reason}{' '}
        <span className="soft">
          by {recall.by}, <Age at={recall.at} />
        </span>{' '}
        <Digest digest={recall.digest} link />
      </p>
    </div>
  ))
}
