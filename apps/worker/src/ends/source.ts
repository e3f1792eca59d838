import type { BlobStorage } from '@sluice/feed'
import { type Bandwidth, type CopySource, RegistryError, type Repository } from '@sluice/oci'
import type { RunEnd } from '@sluice/store'
import { type HostedItem, hostedSource, type StoredContent } from './hosted-source.ts'
import type { Registries } from './registries.ts'

/** Where a copy takes an item from, with the limit of bytes per second of its feed. @throws as `Registries.open` */
export async function openSource(
  item: HostedItem & { readonly source: RunEnd },
  stored: StoredContent,
  { registries, storage }: { readonly registries: Registries; readonly storage: BlobStorage },
): Promise<{ repository: CopySource; bandwidth?: Bandwidth }> {
  const { source } = item
  if (source.remote) return registries.open(source, 'pull')
  const kept = hostedSource(item, stored, storage)
  if (!source.proxy) return { repository: kept }
  const { repository: upstream, bandwidth } = await registries.open(source, 'pull')
  return { repository: through(kept, upstream), ...(bandwidth && { bandwidth }) }
}

/**
 * A repository of a proxy feed: manifests as they were kept with the request, blobs of our own storage where they are
 * there, and the others from the upstream. What is kept whole needs no upstream.
 */
function through(kept: CopySource, upstream: Repository): CopySource {
  return {
    ...kept,
    async openBlob(digest, size, from, signal) {
      try {
        return await kept.openBlob(digest, size, from, signal)
      } catch (error) {
        if (!(error instanceof RegistryError) || error.code !== 'not_found') throw error
      }
      return upstream.openBlob(digest, size, from, signal)
    },
  }
}
