import type { Running } from '@sluice/contract'
import { Link } from '@tanstack/react-router'
import { Digest } from '../parts/copy.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Age } from '../parts/time.tsx'
import { StandingChip } from './chips.tsx'
import { keyOf } from './queries.ts'

const image: Column<Running> = {
  head: 'Image',
  width: 'minmax(0, 2fr)',
  named: false,
  cell: ({ images, repositories, recall }) => (
    <>
      <strong className="breaks">{images[0] ?? repositories[0] ?? 'without a reference'}</strong>
      {images.length > 1 && <span className="soft small"> and {images.length - 1} more names</span>}
      {images.length > 0 && repositories.length > 0 && (
        <div className="soft small breaks">held by {repositories.join(', ')}</div>
      )}
      {recall !== null && (
        <div className="small breaks">
          recalled from {recall.feed}: {recall.reason}
        </div>
      )}
    </>
  ),
}

const rest: readonly Column<Running>[] = [
  {
    head: 'Digest',
    width: '210px',
    // Of what no feed has there is no page.
    cell: ({ digest, repositories }) => <Digest digest={digest} link={repositories.length > 0} />,
  },
  {
    head: 'Standing',
    width: '150px',
    named: false,
    cell: ({ standing }) => <StandingChip standing={standing} />,
  },
  { head: 'Since', width: '120px', end: true, cell: ({ since }) => <Age at={since} /> },
]

const site: Column<Running> = {
  head: 'Site',
  width: 'minmax(0, 1fr)',
  cell: ({ site: name }) => (
    <Link to="/running/$site" params={{ site: name }} search={{}} className="main breaks">
      {name}
    </Link>
  ),
}

/** What runs in one site, or with `sites` in several. */
export function RunningTable({
  label,
  running,
  sites = false,
  more,
}: {
  label: string
  running: readonly Running[]
  sites?: boolean
  more?: { has: boolean; loading: boolean; load: () => void }
}) {
  const columns = sites ? [image, site, ...rest] : [image, ...rest]
  return <Table label={label} columns={columns} items={running} keyOf={keyOf} more={more} />
}
