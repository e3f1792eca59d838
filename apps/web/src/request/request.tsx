import type { Request, RequestItem } from '@sluice/contract'
import { Link, useParams, useSearch } from '@tanstack/react-router'
import { Evidence } from '../evidence/evidence.tsx'
import { formatSize } from '../format/size.ts'
import { KindChip, RequestChip } from '../parts/chip.tsx'
import { Command, Digest } from '../parts/copy.tsx'
import { PageHead, Panel } from '../parts/page.tsx'
import { Await } from '../parts/states.tsx'
import { Age, Moment } from '../parts/time.tsx'
import { useStanding } from '../recall/queries.ts'
import { placeOf } from '../recall/reach.ts'
import { Changes } from './changes.tsx'
import { Decision } from './decision.tsx'
import { Gates } from './gates.tsx'
import { decidedDigest, requestName, sourceName, targetName } from './naming.ts'
import { LateReferrers } from './late-referrers.tsx'
import { Progress } from './progress.tsx'
import { useRequest } from './query.ts'
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
            <Changes key={`${item.digest} ${targetName(item)}`} item={item} />
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

const RESULT: Record<Request['kind'], string> = {
  promote: 'Promoted',
  'break-glass': 'Promoted',
  rollback: 'Moved back',
  restore: 'Restored',
}

function Result({ request }: { request: Request }) {
  return (
    <Panel title={RESULT[request.kind]}>
      <div className="stack tight">
        {request.items.map((item) => (
          <div key={targetName(item)} className="stack tight">
            <span className="soft small breaks">{targetName(item)}</span>
            {item.target.tags.slice(0, 1).map(({ tag }) => (
              <Command
                key={tag}
                text={`docker pull ${item.target.address ?? `${location.host}/${item.target.feed}`}/${item.target.repository}:${tag}`}
              />
            ))}
            <Command
              text={`docker pull ${item.target.address ?? `${location.host}/${item.target.feed}`}/${item.target.repository}@${item.digest}`}
            />
          </div>
        ))}
      </div>
    </Panel>
  )
}

function About({ request }: { request: Request }) {
  const { requester, reason, links, lane, createdAt, decidedAt, items } = request
  const [item] = items
  const single = items.length === 1 ? item : undefined
  return (
    <Panel title="Asked">
      <dl className="facts">
        {single !== undefined && <ItemFacts item={single} />}
        <dt>By</dt>
        <dd>
          {requester}, <Moment at={createdAt} />
        </dd>
        {reason !== null && reason !== '' && (
          <>
            <dt>Why</dt>
            <dd className="comment">{reason}</dd>
          </>
        )}
        {Object.entries(links).map(([name, to]) => (
          <LinkFact key={name} name={name} to={to} />
        ))}
        <dt>Lane</dt>
        <dd>
          <Link to="/lanes/$lane" params={{ lane: lane.name }} search={{}}>
            {lane.name}
          </Link>
          , version {lane.version}
        </dd>
        {decidedAt !== null && (
          <>
            <dt>Decided</dt>
            <dd>
              <Moment at={decidedAt} />
            </dd>
          </>
        )}
      </dl>
    </Panel>
  )
}

function ItemFacts({ item }: { item: RequestItem }) {
  return (
    <>
      <dt>Image</dt>
      <dd>
        {item.source.feed}/{sourceName(item)}
      </dd>
      <dt>{item.target.tags.length === 0 ? 'Stays' : 'Becomes'}</dt>
      <dd>{targetName(item)}</dd>
      <dt>Digest</dt>
      <dd>
        <Digest digest={item.digest} whole />
      </dd>
      {item.platforms.length > 0 && (
        <>
          <dt>Platforms</dt>
          <dd>{item.platforms.join(', ')}</dd>
        </>
      )}
      <dt>Content</dt>
      <dd>
        {formatSize(item.closure.bytes)} in {item.closure.blobs} {item.closure.blobs === 1 ? 'blob' : 'blobs'}{' '}
        and {item.closure.manifests} {item.closure.manifests === 1 ? 'manifest' : 'manifests'}
      </dd>
    </>
  )
}

/** What a CI run sent: a link only where it is one. */
function LinkFact({ name, to }: { name: string; to: string }) {
  return (
    <>
      <dt className="breaks">{name}</dt>
      <dd>
        {/^https?:\/\//i.test(to) ? (
          <a href={to} target="_blank" rel="noreferrer noopener">
            {to}
          </a>
        ) : (
          to
        )}
      </dd>
    </>
  )
}

function Items({ request, position }: { request: Request; position: number }) {
  return (
    <Panel title={`Release set of ${request.items.length}`} flush>
      <ul className="set">
        {request.items.map((item, at) => (
          <li key={targetName(item)}>
            <Link
              from="/requests/$id"
              to="."
              search={{ item: at }}
              resetScroll={false}
              aria-current={at === position ? 'true' : undefined}
              activeProps={{}}
            >
              <strong className="breaks">{sourceName(item)}</strong>
              <span className="soft small breaks">→ {targetName(item)}</span>
            </Link>
            <span className="row">
              <Digest digest={item.digest} link />
              <span className="soft small number">{formatSize(item.closure.bytes)}</span>
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  )
}
