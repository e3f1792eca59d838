import type { EvidenceItem } from '@sluice/contract'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { formatSize } from '../format/size.ts'
import { Chip } from '../parts/chip.tsx'
import { Panel } from '../parts/page.tsx'
import { Failure, Loading } from '../parts/states.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Age } from '../parts/time.tsx'
import { statusOf } from '../session/client.ts'
import { readPackages } from './packages.ts'
import { contentQuery, evidenceQuery } from './queries.ts'
import { type Finding, findingsOf, inWords } from './summary.ts'

/** What was said about a digest, by whom; each opens in place. */
export function Evidence({ digests }: { digests: readonly string[] }) {
  const found = useQuery(evidenceQuery(digests))
  return (
    <Panel
      title="Evidence"
      flush
      aside={found.data !== undefined && <span className="soft small">{found.data.length}</span>}
    >
      {found.data === undefined && statusOf(found.error) === 404 && (
        <p className="lead soft">
          What is known of this digest is not shown: that needs the grant pull on a feed that holds it.
        </p>
      )}
      {found.data === undefined && found.error !== null && statusOf(found.error) !== 404 && (
        <Failure error={found.error} retry={() => void found.refetch()} />
      )}
      {found.data === undefined && found.error === null && <Loading lines={2} />}
      {found.data?.length === 0 && (
        <p className="lead soft">
          Nothing was said about this digest: no tests, scan, SBOM or provenance. CI adds it with{' '}
          <code>sluice evidence add</code>.
        </p>
      )}
      {(found.data?.length ?? 0) > 0 && (
        <ul className="gates">
          {found.data?.map((item) => (
            <Item key={item.id} item={item} />
          ))}
        </ul>
      )}
    </Panel>
  )
}

function Item({ item }: { item: EvidenceItem }) {
  const [open, setOpen] = useState(false)
  const { type, format, summary, verified, receivedAt, receivedBy, size } = item
  const bad = summary.kind === 'unreadable' || summary['result'] === 'FAILED'
  return (
    <li>
      <div className="gate">
        <strong className="breaks">{type}</strong>
        {verified !== null ? (
          <Chip tone="good">signed: {verified}</Chip>
        ) : (
          <Chip tone="neutral" plain>
            not signed
          </Chip>
        )}
      </div>
      {inWords(summary) !== '' && <p className={bad ? 'breaks bad-text' : 'breaks'}>{inWords(summary)}</p>}
      <p className="soft small breaks">
        {format}, {formatSize(size)}, {receivedBy !== null ? `by ${receivedBy}` : 'attached to the image'},{' '}
        <Age at={receivedAt} />
      </p>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary className="small">Open</summary>
        {open && <Details item={item} />}
      </details>
    </li>
  )
}

const findings: readonly Column<Finding>[] = [
  {
    head: 'Vulnerability',
    width: 'minmax(0, 1.3fr)',
    named: false,
    cell: ({ id }) => <strong className="breaks">{id}</strong>,
  },
  {
    head: 'Severity',
    width: '110px',
    named: false,
    cell: ({ severity }) => (
      <Chip
        tone={
          severity === 'critical' || severity === 'high' ? 'bad' : severity === 'medium' ? 'wait' : 'neutral'
        }
        plain
      >
        {severity}
      </Chip>
    ),
  },
  {
    head: 'Package',
    width: 'minmax(0, 1.3fr)',
    cell: ({ package: name, version }) => (
      <span className="breaks">
        {name} {version}
      </span>
    ),
  },
  {
    head: 'Mended in',
    width: 'minmax(0, 1fr)',
    cell: ({ fixed }) => fixed ?? <span className="soft">none yet</span>,
  },
]

function Details({ item }: { item: EvidenceItem }) {
  const { summary } = item
  const found = findingsOf(summary)
  if (found.length > 0) {
    return (
      <Table
        label="Vulnerabilities"
        columns={findings}
        items={found}
        keyOf={(one) => `${one.id} ${one.package} ${one.version}`}
      />
    )
  }
  if (summary.kind === 'sbom') return <Packages id={item.id} />
  return <pre className="inputs">{JSON.stringify(summary, null, 2)}</pre>
}

const packageColumns: readonly Column<readonly [string, string]>[] = [
  {
    head: 'Package',
    width: 'minmax(0, 2fr)',
    named: false,
    cell: ([name]) => <span className="breaks">{name}</span>,
  },
  {
    head: 'Version',
    width: 'minmax(0, 1fr)',
    cell: ([, version]) => <span className="breaks">{version}</span>,
  },
]

function Packages({ id }: { id: string }) {
  const content = useQuery(contentQuery(id))
  if (content.error !== null) return <Failure error={content.error} retry={() => void content.refetch()} />
  if (content.data === undefined) return <Loading />
  const packages = readPackages(content.data.content)
  if (packages === null)
    return <p className="soft small">Its packages are written in a form that is not shown here.</p>
  return (
    <Table
      label="Packages"
      columns={packageColumns}
      items={[...packages].sort(([a], [b]) => (a < b ? -1 : 1))}
      keyOf={([name]) => name}
    />
  )
}
