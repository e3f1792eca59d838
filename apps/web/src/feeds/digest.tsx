import type { DigestView as Found } from '@sluice/contract'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { Evidence } from '../evidence/evidence.tsx'
import { formatSize } from '../format/size.ts'
import { shortDigest } from '../format/digest.ts'
import { Chip } from '../parts/chip.tsx'
import { Command, Digest } from '../parts/copy.tsx'
import { PageHead, Panel } from '../parts/page.tsx'
import { Await } from '../parts/states.tsx'
import { Moment } from '../parts/time.tsx'
import { client } from '../session/client.ts'
import { Content } from './content.tsx'
import { Referrers } from './referrers.tsx'

export function DigestView() {
  const { digest } = useParams({ from: '/shell/digests/$digest' })
  const found = useQuery({
    queryKey: ['digest', digest],
    queryFn: () => client().getDigest({ params: { digest } }),
  })
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
      <Await query={found}>
        {(view) => {
          const place = view.places[0]
          return (
            <div className="stack">
              <Places view={view} />
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

function Places({ view: { places, digest } }: { view: Found }) {
  // Where it was let in says most.
  const sorted = places.toSorted((a, b) => Number(b.admission !== null) - Number(a.admission !== null))
  return (
    <Panel title="Where it is" flush>
      <ul className="timeline">
        {sorted.map(({ feed, repository, tags, virtualTags, admission, recall }) => (
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
              </span>
            )}
            {recall === null && (
              <Command text={`docker pull ${location.host}/${feed}/${repository}@${digest}`} />
            )}
          </li>
        ))}
      </ul>
    </Panel>
  )
}
