import { useQuery } from '@tanstack/react-query'
import { formatSize } from '../format/size.ts'
import type { Place } from '../image/content.ts'
import { readManifest } from '../image/manifest.ts'
import { Digest } from '../parts/copy.tsx'
import { Panel } from '../parts/page.tsx'
import { Failure, Loading } from '../parts/states.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { fetchContent } from '../session/client.ts'

type Referrer = { readonly digest: string; readonly size: number; readonly artifactType: string }

const columns: readonly Column<Referrer>[] = [
  {
    head: 'Type',
    width: 'minmax(0, 1fr)',
    named: false,
    cell: ({ artifactType }) => <span className="breaks">{artifactType}</span>,
  },
  { head: 'Digest', width: '220px', cell: ({ digest }) => <Digest digest={digest} link /> },
  {
    head: 'Size',
    width: '90px',
    end: true,
    cell: ({ size }) => <span className="number">{formatSize(size)}</span>,
  },
]

/** What was attached to a digest: signatures, SBOMs, attestations (OCI Distribution, "Listing referrers"). */
export function Referrers({ place: { feed, repository }, digest }: { place: Place; digest: string }) {
  const found = useQuery({
    queryKey: ['referrers', feed, repository, digest],
    queryFn: async ({ signal }) => {
      const response = await fetchContent(`${feed}/${repository}/referrers/${digest}`, '*/*', signal)
      if (!response.ok) throw new Error(`${feed}/${repository} answered ${response.status}.`)
      return readReferrers(await response.text())
    },
  })
  if (found.data?.length === 0) return null
  return (
    <Panel title="Attached to it" flush>
      {found.error !== null ? (
        <Failure error={found.error} retry={() => void found.refetch()} />
      ) : found.data === undefined ? (
        <Loading lines={2} />
      ) : (
        <Table label="Referrers" columns={columns} items={found.data} keyOf={(one) => one.digest} />
      )}
    </Panel>
  )
}

function readReferrers(source: string): Referrer[] {
  const index = readManifest(source)
  if (index.kind !== 'index') return []
  return index.entries.map(({ digest, size, artifactType, mediaType }) => ({
    digest,
    size,
    artifactType: artifactType ?? mediaType,
  }))
}
