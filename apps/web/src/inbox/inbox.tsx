import { type Request, requestStates } from '@sluice/contract'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { lanesQuery } from '../feeds/queries.ts'
import { SelectField, TextField } from '../parts/field.tsx'
import { PageHead } from '../parts/page.tsx'
import { usePages } from '../parts/paging.ts'
import { Await, Empty, type Loaded } from '../parts/states.tsx'
import { Tabs } from '../parts/tabs.tsx'
import { Alerts, alertsFor, useAlerts } from '../remote/alerts.tsx'
import { requestName } from '../request/naming.ts'
import { RecalledRunning } from '../running/recalled.tsx'
import { runningFor, useRecalledRunning } from '../running/queries.ts'
import type { InboxShow } from '../search.ts'
import { client } from '../session/client.ts'
import { useMe } from '../session/me.ts'
import { Matters, mattersFor, useMatters } from './matters.tsx'
import { useRunning, useWaiting, useWrong } from './queries.ts'
import { RequestTable } from './request-table.tsx'

export function Inbox() {
  const search = useSearch({ from: '/shell/' })
  const show = search.show ?? 'waiting'
  const matters = useMatters()
  const shown = mattersFor(matters, search.find)
  const alerts = useAlerts()
  const asks = useMe().grants.some(({ verbs }) => verbs.includes('request'))
  const recalled = useRecalledRunning()
  const changed = alertsFor(alerts.data ?? [], search.find)
  const stillRun = runningFor(recalled.data ?? [], search.find)
  const waiting = useWaiting()
  const later = waiting.data !== undefined || waiting.error !== null
  const [running, wrong] = [useRunning(later || show === 'running'), useWrong(later || show === 'wrong')]
  const tabs: readonly (readonly [InboxShow, string, number | undefined])[] = [
    ['waiting', 'Waits for me', waiting.data && waiting.data.length + matters.length],
    ['mine', 'I asked', undefined],
    ['running', 'Runs', running.data?.length],
    [
      'wrong',
      'Went wrong',
      wrong.data && wrong.data.length + (alerts.data?.length ?? 0) + (recalled.data?.length ?? 0),
    ],
    ['all', 'All', undefined],
  ]
  return (
    <>
      <PageHead
        title="Inbox"
        actions={
          <>
            <Link to="/guide" className="button quiet">
              First steps
            </Link>
            {asks && (
              <Link to="/requests/new" search={{}} className="button">
                Ask for several …
              </Link>
            )}
          </>
        }
      />
      <Tabs label="Which requests">
        {tabs.map(([name, words, count]) => (
          <Link
            key={name}
            to="/"
            search={(now) => (name === show ? now : kept(now, name))}
            activeOptions={{ exact: true }}
          >
            {words}
            {count !== undefined && <span className="tally">{count}</span>}
          </Link>
        ))}
      </Tabs>
      <Filters show={show} />
      {show === 'waiting' && <Matters matters={shown} />}
      {show === 'waiting' && !(waiting.data?.length === 0 && shown.length > 0) && (
        <Listed query={waiting} empty="Nothing waits for you">
          <p>Requests that you may approve appear here by themselves.</p>
        </Listed>
      )}
      {show === 'running' && (
        <Listed query={running} empty="Nothing runs">
          <p>An approved request is copied within moments; while it is, it is here.</p>
        </Listed>
      )}
      {show === 'wrong' && <Alerts alerts={changed} />}
      {show === 'wrong' && <RecalledRunning running={stillRun} />}
      {show === 'wrong' && !(wrong.data?.length === 0 && changed.length + stillRun.length > 0) && (
        <Listed query={wrong} empty="Nothing went wrong">
          <p>
            Failed promotions of the last two weeks, errored ones until they are retried, what was let in
            without a quorum until two others reviewed it, tags that moved since they were asked for, and what
            runs somewhere although it is recalled.
          </p>
        </Listed>
      )}
      {show === 'mine' && <Mine />}
      {show === 'all' && <All />}
    </>
  )
}

/** Another tab keeps what its filters share with this one. */
function kept({ lane, find }: { lane?: string; find?: string }, show: InboxShow) {
  return {
    ...(lane !== undefined && { lane }),
    ...(find !== undefined && { find }),
    ...(show !== 'waiting' && { show }),
  }
}

function Filters({ show }: { show: InboxShow }) {
  const { lane = '', state = '', find = '' } = useSearch({ from: '/shell/' })
  const navigate = useNavigate({ from: '/' })
  const lanes = useQuery(lanesQuery)
  const set = (change: object) => void navigate({ search: (now) => ({ ...now, ...change }), replace: true })
  return (
    <search className="filters">
      <TextField
        label="Find"
        type="search"
        placeholder="image, digest, person"
        value={find}
        onChange={(event) => set({ find: event.target.value || undefined })}
      />
      {(lanes.data?.length ?? 0) > 1 && (
        <SelectField
          label="Lane"
          value={lane}
          choices={[
            { value: '', label: 'All lanes' },
            ...(lanes.data ?? []).map(({ name }) => ({ value: name, label: name })),
          ]}
          onChange={(event) => set({ lane: event.target.value || undefined })}
        />
      )}
      {(show === 'mine' || show === 'all') && (
        <SelectField
          label="State"
          value={state}
          choices={[
            { value: '', label: 'All states' },
            ...requestStates.map((value) => ({ value, label: value[0] + value.slice(1).toLowerCase() })),
          ]}
          onChange={(event) => set({ state: event.target.value || undefined })}
        />
      )}
    </search>
  )
}

function useFilter(): (request: Request) => boolean {
  const { lane, find } = useSearch({ from: '/shell/' })
  const wanted = find?.toLowerCase()
  return (request) => {
    if (lane !== undefined && request.lane.name !== lane) return false
    if (wanted === undefined) return true
    const { items, requester, setDigest, reason } = request
    const texts = items.flatMap(({ source, target, digest }) => [
      `${source.repository}:${source.tag ?? ''}`,
      ...target.tags.map(({ tag }) => `${target.repository}:${tag}`),
      digest,
    ])
    return [...texts, requester, setDigest, reason ?? '', requestName(request)].some((text) =>
      text.toLowerCase().includes(wanted),
    )
  }
}

function Listed({
  query,
  empty,
  children,
}: {
  query: Loaded<Request[]>
  empty: string
  children: ReactNode
}) {
  const filter = useFilter()
  return (
    <Await query={query}>
      {(requests) => (
        <Rows
          requests={requests.filter(filter)}
          filtered={requests.length > 0}
          empty={empty}
          about={children}
        />
      )}
    </Await>
  )
}

function Rows({
  requests,
  filtered,
  empty,
  about,
  more,
}: {
  requests: readonly Request[]
  /** There may be others that the filters leave out. */
  filtered: boolean
  empty: string
  about: ReactNode
  more?: { has: boolean; loading: boolean; load: () => void }
}) {
  if (requests.length === 0) {
    return (
      <div className="panel">
        {filtered ? <Empty title="Nothing matches the filters" /> : <Empty title={empty}>{about}</Empty>}
      </div>
    )
  }
  return <RequestTable label="Requests" requests={requests} more={more} />
}

function Mine() {
  const me = useMe()
  const requester = me.kind === 'robot' ? `robot:${me.name}` : me.name
  return <Paged scope="mine" by={{ requester }} empty="You have not asked for anything yet" />
}

function All() {
  return <Paged scope="all" by={{}} empty="No requests yet" />
}

function Paged({ scope, by, empty }: { scope: string; by: { requester?: string }; empty: string }) {
  const { lane, state, find } = useSearch({ from: '/shell/' })
  const asked = {
    ...by,
    ...(lane !== undefined && { lane }),
    ...(state !== undefined && { state }),
    ...(find !== undefined && find.trim() !== '' && { find: find.trim() }),
  }
  const { list, more } = usePages(
    ['requests', scope, asked],
    (page) => client().listRequests({ query: { ...asked, ...page } }),
    { keyOf: ({ id }) => id },
  )
  const about = (
    <p>
      A request is made from a tag in <Link to="/feeds">Feeds</Link>, or by CI:{' '}
      <code>sluice request IMAGE --lane LANE</code>.
    </p>
  )
  return (
    <Await query={list}>
      {(requests) => (
        <Rows
          requests={requests}
          filtered={Object.keys(asked).length > Object.keys(by).length}
          empty={empty}
          about={about}
          more={more}
        />
      )}
    </Await>
  )
}
