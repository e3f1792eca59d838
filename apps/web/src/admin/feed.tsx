import type { Feed } from '@sluice/contract'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { Chip } from '../parts/chip.tsx'
import { PageHead, Panel } from '../parts/page.tsx'
import { Await, Forbidden } from '../parts/states.tsx'
import { CacheSettings } from '../remote/cache.tsx'
import { ConnectionTest, Notifications, RegistrySettings } from '../remote/registry.tsx'
import { client } from '../session/client.ts'
import { may, useMe } from '../session/me.ts'
import { DeleteFeed, Quota, Settings } from './feed-forms.tsx'
import { Retention } from './retention.tsx'

/** One feed as its administrators see it. */
export function AdminFeed() {
  const { feed: name } = useParams({ from: '/shell/admin/feeds/$feed' })
  const feed = useQuery({
    queryKey: ['feeds', 'one', name],
    queryFn: () => client().getFeed({ params: { feed: name } }),
  })
  return (
    <>
      <PageHead
        title={name}
        crumbs={[
          <Link key="feeds" to="/admin/feeds">
            Feeds
          </Link>,
          'Administration',
        ]}
        actions={
          <Link to="/feeds/$feed" params={{ feed: name }} search={{}} className="button">
            Its images
          </Link>
        }
      >
        {feed.data !== undefined && (
          <p className="row">
            <Chip tone="neutral" plain>
              {feed.data.stage}
            </Chip>
            {feed.data.kind !== 'hosted' && (
              <Chip tone="neutral" plain>
                {feed.data.kind}
              </Chip>
            )}
            {feed.data.trusted && <Chip tone="good">trusted</Chip>}
            {feed.data.formerNames.length > 0 && (
              <span className="soft small breaks">formerly {feed.data.formerNames.join(', ')}</span>
            )}
          </p>
        )}
      </PageHead>
      <Await query={feed}>{(found) => <Panels key={found.id} feed={found} />}</Await>
    </>
  )
}

function Panels({ feed }: { feed: Feed }) {
  const me = useMe()
  if (!may(me, 'admin', feed.name)) {
    return (
      <div className="panel">
        <Forbidden>
          <p>
            Settings of a feed take the grant <code>admin</code> on {feed.name}. An administrator gives it.
          </p>
        </Forbidden>
      </div>
    )
  }
  if (feed.remote !== null) {
    return (
      <div className="stack">
        <div className="halves">
          <RegistrySettings feed={feed} remote={feed.remote} />
          <div className="stack">
            <ConnectionTest feed={feed} />
            {feed.cache !== null && <CacheSettings feed={feed} cache={feed.cache} />}
            <Settings feed={feed} />
            {feed.kind === 'proxy' ? <Quota feed={feed} /> : <Notifications feed={feed} />}
          </div>
        </div>
        <DeleteFeed feed={feed} />
      </div>
    )
  }
  return (
    <div className="stack">
      <div className="halves">
        <Settings feed={feed} />
        <Quota feed={feed} />
      </div>
      {feed.trusted ? (
        <Panel title="Retention">
          <p className="soft">What a trusted feed holds stays until it is recalled and purged.</p>
        </Panel>
      ) : (
        <Retention feed={feed} />
      )}
      <DeleteFeed feed={feed} />
    </div>
  )
}
