import type { Executed } from '@sluice/contract'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { feedsQuery } from '../feeds/queries.ts'
import { formatDuration } from '../format/time.ts'
import { PromotionChip } from '../parts/chip.tsx'
import { Digest } from '../parts/copy.tsx'
import { SelectField, TextField } from '../parts/field.tsx'
import { PageHead } from '../parts/page.tsx'
import { allPages, usePages } from '../parts/paging.ts'
import { Await, Empty, Refused } from '../parts/states.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Moment } from '../parts/time.tsx'
import { client } from '../session/client.ts'
import { save, toCsv, toNdjson } from './export.ts'
import { HistoryTabs } from './history-tabs.tsx'

type Search = {
  feed?: string
  repository?: string
  digest?: string
  since?: string
  until?: string
  find?: string
}

export function Promotions() {
  const search = useSearch({ from: '/shell/history' })
  const asked = query(search)
  const { list, more } = usePages(['promotions', asked], (page) =>
    client().listPromotions({ query: { ...asked, ...page } }),
  )
  const filtered = (items: readonly Executed[]) =>
    items.filter((promotion) => matches(promotion, search.find))
  return (
    <>
      <PageHead title="History" actions={<Export asked={asked} filtered={filtered} />} />
      <HistoryTabs />
      <Filters key={JSON.stringify(search)} search={search} />
      <Await query={list}>
        {(promotions) => {
          const shown = filtered(promotions)
          if (shown.length > 0 || more.has) {
            return (
              <Table label="Promotions" columns={columns} items={shown} keyOf={({ id }) => id} more={more} />
            )
          }
          const searched = Object.keys(search).length > 0
          return (
            <div className="panel">
              <Empty title={searched ? 'No promotion matches' : 'Nothing was promoted yet'} />
            </div>
          )
        }}
      </Await>
    </>
  )
}

function query({ feed, repository, digest, since, until }: Search) {
  // A day is the viewer's: from its first moment to its last.
  const day = (date: string, time: string) => {
    const at = new Date(`${date}T${time}`)
    return Number.isNaN(at.getTime()) ? undefined : at.toISOString()
  }
  const [from, to] = [since && day(since, '00:00:00'), until && day(until, '23:59:59.999')]
  return {
    ...(feed !== undefined && { feed }),
    ...(repository !== undefined && { repository }),
    ...(digest !== undefined && { digest }),
    ...(from !== undefined && { since: from }),
    ...(to !== undefined && { until: to }),
  }
}

function matches(
  { requester, approvers, targets, digest, state }: Executed,
  find: string | undefined,
): boolean {
  if (find === undefined) return true
  const wanted = find.toLowerCase()
  const texts = [
    requester,
    ...approvers,
    digest,
    state,
    ...targets.map(({ feed, repository, tag }) => `${feed}/${repository}:${tag}`),
  ]
  return texts.some((text) => text.toLowerCase().includes(wanted))
}

function Filters({ search }: { search: Search }) {
  const navigate = useNavigate({ from: '/history' })
  const feeds = useQuery(feedsQuery)
  const [given, setGiven] = useState(search)
  const set = (field: keyof Search) => (event: { target: { value: string } }) =>
    setGiven({ ...given, [field]: event.target.value })
  const show = (event: FormEvent) => {
    event.preventDefault()
    void navigate({ search: Object.fromEntries(Object.entries(given).filter(([, value]) => value !== '')) })
  }
  return (
    <search>
      <form className="filters" onSubmit={show}>
        <SelectField
          label="Feed"
          value={given.feed ?? ''}
          choices={[
            { value: '', label: 'All feeds' },
            ...(feeds.data ?? []).map(({ name }) => ({ value: name, label: name })),
          ]}
          onChange={set('feed')}
        />
        <TextField label="Repository" value={given.repository ?? ''} onChange={set('repository')} />
        <TextField label="Digest" value={given.digest ?? ''} onChange={set('digest')} />
        <TextField label="Person or tag" value={given.find ?? ''} onChange={set('find')} />
        <TextField label="From" type="date" value={given.since ?? ''} onChange={set('since')} />
        <TextField label="To" type="date" value={given.until ?? ''} onChange={set('until')} />
        <button type="submit" className="button">
          Show
        </button>
        {Object.keys(search).length > 0 && (
          <Link to="/history" search={{}} className="button quiet">
            All
          </Link>
        )}
      </form>
    </search>
  )
}

/** Everything the filters leave, also what was not scrolled to. */
function Export({
  asked,
  filtered,
}: {
  asked: ReturnType<typeof query>
  filtered: (items: readonly Executed[]) => readonly Executed[]
}) {
  const [error, setError] = useState<unknown>(null)
  const write = (name: string, type: string, format: (items: readonly Executed[]) => string) => async () => {
    try {
      setError(null)
      const all = await allPages((page) => client().listPromotions({ query: { ...asked, ...page } }))
      save(name, type, format(filtered(all)))
    } catch (cause) {
      setError(cause)
    }
  }
  return (
    <>
      <Refused error={error} />
      <button
        type="button"
        className="button"
        onClick={() => void write('promotions.csv', 'text/csv', toCsv)()}
      >
        Export CSV
      </button>
      <button
        type="button"
        className="button"
        onClick={() => void write('promotions.ndjson', 'application/x-ndjson', toNdjson)()}
      >
        Export NDJSON
      </button>
    </>
  )
}

const columns: readonly Column<Executed>[] = [
  {
    head: 'Target',
    width: 'minmax(0, 2.4fr)',
    named: false,
    cell: ({ requestId, targets }) => {
      const [first, ...others] = targets
      return (
        <Link to="/requests/$id" params={{ id: requestId }} search={{}} className="main">
          {first === undefined ? 'Request' : `${first.feed}/${first.repository}:${first.tag}`}
          {others.length > 0 && <span className="soft"> and {others.length} more</span>}
        </Link>
      )
    },
  },
  { head: 'Digest', width: '210px', cell: ({ digest }) => <Digest digest={digest} link /> },
  { head: 'State', width: '110px', named: false, cell: ({ state }) => <PromotionChip state={state} /> },
  {
    head: 'Asked, approved',
    width: 'minmax(0, 1.3fr)',
    cell: ({ requester, approvers }) => (
      <span className="small breaks">
        {requester}
        <span className="soft">, approved by {approvers.join(', ') || 'nobody'}</span>
      </span>
    ),
  },
  {
    head: 'When',
    width: '180px',
    end: true,
    cell: ({ startedAt, finishedAt }) => (
      <span className="small">
        {finishedAt !== null && <Moment at={finishedAt} />}
        {startedAt !== null && finishedAt !== null && (
          <span className="soft number lower">
            in {formatDuration(Date.parse(finishedAt) - Date.parse(startedAt))}
          </span>
        )}
      </span>
    ),
  },
]
