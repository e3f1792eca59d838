import type { Feed } from '@sluice/contract'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { feedsQuery } from '../feeds/queries.ts'
import { Chip } from '../parts/chip.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { PageHead } from '../parts/page.tsx'
import { Await, Empty } from '../parts/states.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Usage } from '../parts/usage.tsx'
import { may, useMe } from '../session/me.ts'
import { AdminTabs } from './admin-tabs.tsx'
import { Administers } from './administers.tsx'
import { NewFeed } from './feed-forms.tsx'

export function AdminFeeds() {
  return (
    <Administers>
      <All />
    </Administers>
  )
}

function All() {
  const me = useMe()
  const [making, setMaking] = useState(false)
  const columns: readonly Column<Feed>[] = [
    {
      head: 'Feed',
      width: 'minmax(0, 1.4fr)',
      named: false,
      cell: ({ name, formerNames }) => (
        <>
          {may(me, 'admin', name) ? (
            <Link to="/admin/feeds/$feed" params={{ feed: name }} className="main">
              {name}
            </Link>
          ) : (
            <strong className="breaks">{name}</strong>
          )}
          {formerNames.length > 0 && (
            <div className="soft small breaks">formerly {formerNames.join(', ')}</div>
          )}
        </>
      ),
    },
    { head: 'Stage', width: '120px', cell: ({ stage }) => stage },
    {
      head: 'Trusted',
      width: '100px',
      cell: ({ trusted }) => (trusted ? <Chip tone="good">trusted</Chip> : <span className="soft">no</span>),
    },
    {
      head: 'Used',
      width: 'minmax(0, 1.2fr)',
      cell: ({ name, kind, used, quota, remote }) => (
        <>
          {kind !== 'remote' && (
            <Usage used={used} limit={quota?.bytes ?? null} label={`Used of the quota of ${name}`} />
          )}
          {remote !== null && (
            <span className="small breaks">
              {kind === 'proxy' ? 'proxy of' : 'at'} {remote.url.replace('https://', '')}
            </span>
          )}
        </>
      ),
    },
    {
      head: 'Keeps',
      width: 'minmax(0, 1fr)',
      cell: ({ trusted, cache, retention: { rules } }) =>
        cache !== null
          ? `what was pulled within ${cache.keepDays} ${cache.keepDays === 1 ? 'day' : 'days'}`
          : trusted || rules.length === 0
            ? 'everything'
            : `by ${rules.length} ${rules.length === 1 ? 'rule' : 'rules'}`,
    },
    {
      head: 'Immutable tags',
      width: 'minmax(0, 1fr)',
      cell: ({ tagRules }) => (
        <span className="breaks">{tagRules.immutable?.join(', ') ?? <span className="soft">none</span>}</span>
      ),
    },
  ]
  return (
    <>
      <PageHead
        title="Feeds"
        actions={
          me.roles.includes('admin') && (
            <button type="button" className="button primary" onClick={() => setMaking(true)}>
              New feed …
            </button>
          )
        }
      />
      <AdminTabs />
      <Await query={useQuery(feedsQuery)}>
        {(feeds) =>
          feeds.length === 0 ? (
            <div className="panel">
              <Empty title="No feeds" />
            </div>
          ) : (
            <Table label="Feeds" columns={columns} items={feeds} keyOf={({ id }) => id} />
          )
        }
      </Await>
      <Dialog title="New feed" open={making} onClose={() => setMaking(false)}>
        {making && <NewFeed onClose={() => setMaking(false)} />}
      </Dialog>
    </>
  )
}
