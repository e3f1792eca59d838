import type { Running, Site } from '@sluice/contract'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { PageHead } from '../parts/page.tsx'
import { usePages } from '../parts/paging.ts'
import { Await, Empty } from '../parts/states.tsx'
import { Tabs } from '../parts/tabs.tsx'
import { Age } from '../parts/time.tsx'
import { client } from '../session/client.ts'
import { useMe } from '../session/me.ts'
import { SiteChip, STANDINGS } from './chips.tsx'
import { HowToReport } from './how-to.tsx'
import { keyOf, siteQuery, total } from './queries.ts'
import { SiteDialog } from './site-dialog.tsx'
import { RunningTable } from './table.tsx'

const SHOWN: readonly Running['standing'][] = ['recalled', 'unknown', 'not-admitted', 'admitted']

/** What runs in one site, and how it stands to what was let in. */
export function SiteView() {
  const { site: name } = useParams({ from: '/shell/running/$site' })
  const { standing } = useSearch({ from: '/shell/running/$site' })
  const me = useMe()
  const [editing, setEditing] = useState(false)
  const found = useQuery(siteQuery(name))
  return (
    <>
      <PageHead
        title={name}
        crumbs={[
          <Link key="sites" to="/running">
            Where it runs
          </Link>,
          'Site',
        ]}
        actions={
          me.roles.includes('admin') &&
          found.data !== undefined && (
            <button type="button" className="button" onClick={() => setEditing(true)}>
              Settings …
            </button>
          )
        }
      >
        {found.data !== undefined && <Facts site={found.data} />}
      </PageHead>
      <Await query={found}>
        {(site) => (
          <>
            <Tabs label="What of it">
              <Link to="/running/$site" params={{ site: name }} search={{}} activeOptions={{ exact: true }}>
                All
                <span className="tally">{total(site)}</span>
              </Link>
              {SHOWN.map((one) => (
                <Link
                  key={one}
                  to="/running/$site"
                  params={{ site: name }}
                  search={{ standing: one }}
                  activeOptions={{ exact: true }}
                >
                  {STANDINGS[one][1]}
                  <span className="tally">{site.running[one]}</span>
                </Link>
              ))}
            </Tabs>
            <Listed site={site} standing={standing} />
          </>
        )}
      </Await>
      <SiteDialog
        site={editing && found.data !== undefined ? found.data : null}
        onClose={() => setEditing(false)}
      />
    </>
  )
}

function Facts({ site: { state, reportedAt, reportedBy, staleAfterHours } }: { site: Site }) {
  return (
    <p className="row">
      <SiteChip state={state} />
      <span className="soft small breaks">
        {reportedAt === null ? (
          'Nobody has reported what runs here'
        ) : (
          <>
            Last report <Age at={reportedAt} />
            {reportedBy !== null && ` by ${reportedBy}`}
          </>
        )}
        {state === 'stale' &&
          `, which is longer than ${staleAfterHours} hours ago: what is listed may have ended, and is still kept from retention`}
      </span>
    </p>
  )
}

function Listed({ site, standing }: { site: Site; standing: Running['standing'] | undefined }) {
  const asked = { site: site.name, ...(standing !== undefined && { standing }) }
  const { list, more } = usePages(
    ['running', 'site', asked],
    (page) => client().listRunning({ query: { ...asked, ...page } }),
    { keyOf },
  )
  return (
    <Await query={list}>
      {(running) =>
        running.length === 0 ? (
          <div className="panel">
            {site.state === 'unreported' ? (
              <Empty title="Nothing was reported yet">
                <HowToReport site={site.name} />
              </Empty>
            ) : (
              <Empty title={standing === undefined ? 'Nothing runs here' : 'Nothing here stands so'}>
                <p>As far as you may see.</p>
              </Empty>
            )}
          </div>
        ) : (
          <RunningTable label="What runs here" running={running} more={more} />
        )
      }
    </Await>
  )
}
