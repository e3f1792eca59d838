import type { Site } from '@sluice/contract'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { FeedTabs } from '../feeds/feed-tabs.tsx'
import { PageHead } from '../parts/page.tsx'
import { Await, Empty } from '../parts/states.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Age } from '../parts/time.tsx'
import { useMe } from '../session/me.ts'
import { SiteChip } from './chips.tsx'
import { HowToReport } from './how-to.tsx'
import { sitesQuery, total } from './queries.ts'
import { SiteDialog } from './site-dialog.tsx'

const counted = (count: number) => (
  <span className={count === 0 ? 'number soft' : 'number'}>{count.toLocaleString()}</span>
)

const columns: readonly Column<Site>[] = [
  {
    head: 'Site',
    width: 'minmax(0, 1fr)',
    named: false,
    cell: ({ name }) => (
      <Link to="/running/$site" params={{ site: name }} search={{}} className="main breaks">
        {name}
      </Link>
    ),
  },
  { head: 'State', width: '150px', named: false, cell: ({ state }) => <SiteChip state={state} /> },
  {
    head: 'Last report',
    width: '130px',
    cell: ({ reportedAt }) =>
      reportedAt === null ? <span className="soft">none</span> : <Age at={reportedAt} />,
  },
  { head: 'Recalled', width: '90px', end: true, cell: ({ running }) => counted(running.recalled) },
  { head: 'Not known', width: '100px', end: true, cell: ({ running }) => counted(running.unknown) },
  {
    head: 'Not admitted',
    width: '110px',
    end: true,
    cell: ({ running }) => counted(running['not-admitted']),
  },
  { head: 'Admitted', width: '90px', end: true, cell: ({ running }) => counted(running.admitted) },
  { head: 'All', width: '80px', end: true, cell: (site) => counted(total(site)) },
]

/** Where images run: every site with what it last reported. */
export function Sites() {
  const me = useMe()
  const [making, setMaking] = useState(false)
  const admin = me.roles.includes('admin')
  return (
    <>
      <PageHead
        title="Where it runs"
        actions={
          admin && (
            <button type="button" className="button primary" onClick={() => setMaking(true)}>
              New site …
            </button>
          )
        }
      >
        <p>
          What clusters, namespaces and hosts say they run, beside what was let in. What runs anywhere is kept
          from retention, also while its site is stale.
        </p>
      </PageHead>
      <FeedTabs />
      <Await query={useQuery(sitesQuery)}>
        {(sites) =>
          sites.length === 0 ? (
            <div className="panel">
              <Empty title="No site reports to you">
                <HowToReport />
                {!admin && <p>An administrator makes a site and says who reports for it.</p>}
              </Empty>
            </div>
          ) : (
            <Table label="Sites" columns={columns} items={sites} keyOf={({ id }) => id} />
          )
        }
      </Await>
      <SiteDialog site={making ? 'new' : null} onClose={() => setMaking(false)} />
    </>
  )
}
