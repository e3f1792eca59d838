import type { Request } from '@sluice/contract'
import { Link } from '@tanstack/react-router'
import { Chip, KindChip, RequestChip } from '../parts/chip.tsx'
import { Digest } from '../parts/copy.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Age } from '../parts/time.tsx'
import { decidedDigest, requestName } from '../request/naming.ts'

const columns: readonly Column<Request>[] = [
  {
    head: 'Image',
    width: 'minmax(0, 4fr)',
    named: false,
    cell: (request) => (
      <>
        <Link to="/requests/$id" params={{ id: request.id }} search={{}} className="main">
          {requestName(request)}
        </Link>
        <div className="soft small breaks clip">
          {request.lane.from} → {request.lane.to}
          {request.reason !== null && request.reason !== '' && ` · ${firstLine(request.reason)}`}
        </div>
      </>
    ),
  },
  {
    head: 'Digest',
    width: '200px',
    cell: (request) => <Digest digest={decidedDigest(request)} />,
  },
  {
    head: 'State',
    width: '150px',
    named: false,
    cell: (request) => (
      <span className="row">
        <RequestChip state={request.state} promotion={request.promotion} />
        <KindChip request={request} />
        {request.items.some(({ drift }) => drift !== null) && request.state === 'PENDING' && (
          <Chip tone="wait" plain>
            tag moved
          </Chip>
        )}
      </span>
    ),
  },
  {
    head: 'Asked by',
    width: 'minmax(0, 1fr)',
    cell: ({ requester }) => <span className="breaks">{requester}</span>,
  },
  { head: 'Asked', width: '120px', end: true, cell: ({ createdAt }) => <Age at={createdAt} /> },
]

const firstLine = (text: string): string => {
  const line = text.split('\n', 1)[0] ?? ''
  return line.length > 120 ? `${line.slice(0, 119)}…` : line
}

export function RequestTable({
  label,
  requests,
  more,
}: {
  label: string
  requests: readonly Request[]
  more?: { has: boolean; loading: boolean; load: () => void } | undefined
}) {
  return <Table label={label} columns={columns} items={requests} keyOf={({ id }) => id} more={more} />
}
