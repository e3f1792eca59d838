import type { BlobStorage } from '@sluice/feed'
import { type CopySource, RegistryError, type Repository } from '@sluice/oci'
import type { RunItem, Store } from '@sluice/store'
import { hostedSource } from './hosted-source.ts'

/**
 * A repository of a proxy feed as the source of a copy: manifests as they were kept with the request, blobs of our own
 * storage where they are there, and the others from the upstream. What is kept whole needs no upstream.
 */
export function proxySource(
  item: RunItem,
  runs: Store['runs'],
  storage: BlobStorage,
  upstream: Repository,
): CopySource {
  const kept = hostedSource(item, runs, storage)
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
