import type { BlobStorage } from '@sluice/feed'
import type { Bandwidth, CopyDestination, CopySource, Repository } from '@sluice/oci'
import type { RunEnd } from '@sluice/store'
import type { HostedItem, StoredContent } from './hosted-source.ts'
import { type BlobRows, hostedDestination } from './hosted-destination.ts'
import type { Registries } from './registries.ts'
import { openSource } from './source.ts'

/** What a copy has on either side, and what both together may take of it. */
export interface Ends {
  readonly source: CopySource
  readonly destination: Repository | CopyDestination
  readonly bandwidth?: Bandwidth
}

/** Opens where an item comes from and where it goes to, each in a feed of our own or elsewhere. @throws as `Registries.open` */
export async function openEnds(
  item: HostedItem & { readonly source: RunEnd; readonly target: RunEnd },
  stored: StoredContent & BlobRows,
  context: { readonly registries: Registries; readonly storage: BlobStorage },
): Promise<Ends> {
  const from = await openSource(item, stored, context)
  if (!item.target.remote) {
    const { repository: source, bandwidth } = from
    const destination = hostedDestination(stored, context.storage)
    return { source, destination, ...(bandwidth && { bandwidth }) }
  }
  const to = await context.registries.open(item.target, 'pull,push')
  const bandwidth = bothOf(from.bandwidth, to.bandwidth)
  return { source: from.repository, destination: to.repository, ...(bandwidth && { bandwidth }) }
}

function bothOf(a: Bandwidth | undefined, b: Bandwidth | undefined): Bandwidth | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return { take: (bytes) => Math.max(a.take(bytes), b.take(bytes)) }
}
