import type { Executed } from '@sluice/contract'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { formatDuration } from '../format/time.ts'
import { PromotionChip } from '../parts/chip.tsx'
import { Digest } from '../parts/copy.tsx'
import { PageHead } from '../parts/page.tsx'
import { usePages } from '../parts/paging.ts'
import { Await, Empty } from '../parts/states.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Moment } from '../parts/time.tsx'
import { promotionColumns } from './export.ts'
import { ExportButtons } from './export-buttons.tsx'
import { Filters } from './filters.tsx'
import { HistoryTabs } from './history-tabs.tsx'
import { promotionPages } from './queries.ts'

export function Promotions() {
  const search = useSearch({ from: '/shell/history' })
  const navigate = useNavigate({ from: '/history' })
  const { key, fetchPage, ...live } = promotionPages(search)
  const { list, more } = usePages(key, fetchPage, live)
  return (
    <>
      <PageHead
        title="History"
        actions={<ExportButtons name="promotions" columns={promotionColumns} fetchPage={fetchPage} />}
      />
      <HistoryTabs />
      <Filters
        key={JSON.stringify(search)}
        filter={search}
        actor="asked or approved"
        onShow={(filter) => void navigate({ search: filter })}
      />
      <Await query={list}>
        {(promotions) => {
          if (promotions.length > 0) {
            return (
              <Table
                label="Promotions"
                columns={columns}
                items={promotions}
                keyOf={({ id }) => id}
                more={more}
              />
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
