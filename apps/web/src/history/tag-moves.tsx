import type { FoundMove } from '@sluice/contract'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { Digest } from '../parts/copy.tsx'
import { PageHead } from '../parts/page.tsx'
import { usePages } from '../parts/paging.ts'
import { Await, Empty } from '../parts/states.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Moment } from '../parts/time.tsx'
import { client } from '../session/client.ts'
import { moveColumns } from './export.ts'
import { ExportButtons } from './export-buttons.tsx'
import { Filters } from './filters.tsx'
import { HistoryTabs } from './history-tabs.tsx'
import { asked } from './queries.ts'
import { TimeTravel } from './time-travel.tsx'

/** Every move of every tag that may be seen: which, who, when, why. */
export function TagMoves() {
  const { at, ...filter } = useSearch({ from: '/shell/history/tags' })
  const navigate = useNavigate({ from: '/history/tags' })
  const query = asked(filter)
  const fetchPage = (page: { limit: number; after?: string }) =>
    client().listTagMoves({ query: { ...query, ...page } })
  const { list, more } = usePages(['tag-moves', query], fetchPage, { keyOf: ({ id }) => id })
  return (
    <>
      <PageHead
        title="Tag moves"
        actions={<ExportButtons name="tag-moves" columns={moveColumns} fetchPage={fetchPage} />}
      />
      <HistoryTabs />
      <Filters
        key={JSON.stringify(filter)}
        filter={filter}
        actor="moved or approved"
        onShow={(chosen) => void navigate({ search: { ...chosen, ...(at !== undefined && { at }) } })}
      />
      <TimeTravel
        {...filter}
        at={at}
        onTravel={(to) =>
          void navigate({
            search: { ...filter, ...(to !== '' && { at: to }) },
            replace: true,
            resetScroll: false,
          })
        }
      />
      <Await query={list}>
        {(moves) =>
          moves.length > 0 ? (
            <Table label="Tag moves" columns={columns} items={moves} keyOf={({ id }) => id} more={more} />
          ) : (
            <div className="panel">
              <Empty
                title={Object.keys(filter).length > 0 ? 'No move matches' : 'No tag was ever set here'}
              />
            </div>
          )
        }
      </Await>
    </>
  )
}

const columns: readonly Column<FoundMove>[] = [
  {
    head: 'Tag',
    width: 'minmax(0, 2fr)',
    named: false,
    cell: ({ feed, repository, tag }) => (
      <Link
        to="/feeds/$feed/repositories/$"
        params={{ feed, _splat: repository }}
        search={{ tag }}
        className="main"
      >
        {feed}/{repository}:{tag}
      </Link>
    ),
  },
  {
    head: 'To',
    width: '210px',
    cell: ({ from, to }) => (
      <>
        {to === null ? <strong>removed</strong> : <Digest digest={to} link />}
        {from !== null && (
          <span className="soft small lower">
            from <Digest digest={from} link />
          </span>
        )}
      </>
    ),
  },
  {
    head: 'Who, why',
    width: 'minmax(0, 1.7fr)',
    cell: ({ by, requester, approvers, reason, request, event }) => (
      <span className="small breaks">
        {by ?? requester ?? 'the service'}
        {request !== null && (
          <>
            <span className="soft">, approved by {approvers.join(', ') || 'nobody'}, by </span>
            <Link to="/requests/$id" params={{ id: request }} search={{}}>
              this request
            </Link>
          </>
        )}
        {event !== null && <span className="soft"> ({event})</span>}
        {reason !== null && reason !== '' && <span className="soft lower clip">{reason}</span>}
      </span>
    ),
  },
  {
    head: 'When',
    width: '150px',
    end: true,
    cell: ({ at }) => (
      <span className="small">
        <Moment at={at} />
      </span>
    ),
  },
]
