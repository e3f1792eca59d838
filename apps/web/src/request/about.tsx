import type { Request, RequestItem } from '@sluice/contract'
import { Link } from '@tanstack/react-router'
import { formatSize } from '../format/size.ts'
import { Digest } from '../parts/copy.tsx'
import { Panel } from '../parts/page.tsx'
import { Moment } from '../parts/time.tsx'
import { sourceName, targetName } from './naming.ts'

/** What was asked for, by whom, why and from which CI run. */
export function About({ request }: { request: Request }) {
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
