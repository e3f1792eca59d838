import { Readable } from 'node:stream'
import { type BlobStorage, FeedError } from '@sluice/feed'
import { type CopySource, DEFAULT_LIMITS, parseManifest, RegistryError } from '@sluice/oci'
import type { Store } from '@sluice/store'

interface HostedItem {
  readonly source: { readonly feed: string; readonly repository: string }
  /** Of its manifests at least. */
  readonly closure: readonly { readonly digest: string; readonly mediaType: string }[]
}

/** A repository that Sluice stores, as the source of a copy: manifests of the database, blobs by range of the storage. */
export function hostedSource(
  item: HostedItem,
  runs: Pick<Store['runs'], 'readManifest' | 'blobs'>,
  storage: BlobStorage,
): CopySource {
  const { feed, repository } = item.source
  const mediaTypes = new Map(item.closure.map(({ digest, mediaType }) => [digest, mediaType]))
  const lost = (digest: string, why: string, cause?: unknown): RegistryError =>
    new RegistryError(
      'not_found',
      `the blob ${digest} of ${feed}/${repository} ${why}; push the image there again`,
      { cause },
    )
  async function* bytes(digest: string, storageKey: string, start: number, size: number) {
    try {
      // The storage uses its buffers again.
      for await (const chunk of storage.read(storageKey, { start, end: size - 1 })) yield Buffer.from(chunk)
    } catch (error) {
      if (error instanceof FeedError && error.code === 'BLOB_MISSING')
        throw lost(digest, 'is lost in the storage', error)
      throw error
    }
  }
  return {
    name: repository,
    registry: { host: feed, origin: null, limits: DEFAULT_LIMITS },
    async getManifest(digest) {
      const stored = await runs.readManifest(digest)
      return stored && parseManifest(stored, mediaTypes.get(digest) ?? '')
    },
    async openBlob(digest, size, from) {
      const blob = (await runs.blobs([digest])).get(digest)
      if (blob === undefined) throw lost(digest, 'is no longer stored')
      if (blob.quarantined) throw lost(digest, 'was found damaged')
      return { answer: { body: Readable.from(bytes(digest, blob.storageKey, from, size)) }, from }
    },
  }
}
