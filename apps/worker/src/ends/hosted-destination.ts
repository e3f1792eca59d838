import type { BlobStorage } from '@sluice/feed'
import { newStorageKey } from '@sluice/feed/storage'
import { type BlobJob, type CopyDestination, giveBack, type Placed, readBlob } from '@sluice/oci'
import type { BlobState } from '@sluice/store'

/** Where the rows of what is stored are. */
export interface BlobRows {
  readonly blobs: (digests: readonly string[]) => Promise<ReadonlyMap<string, BlobState>>
  /** Keeps one whose bytes are durable; answers the storage key of bytes that are superfluous now. */
  readonly receive: (blob: StoredBlob) => Promise<string | null>
}

export interface StoredBlob {
  readonly digest: string
  readonly size: number
  readonly storageKey: string
}

/**
 * A feed that Sluice stores, as the end of a copy: bytes are hashed as they come, made durable under a key of their own,
 * and only then have a row. Until the commit no repository holds them, and the collector spares them because the
 * promotion awaits them; what a crash leaves half-way it removes as an object that nobody knows. The manifests
 * are there since the request looked at the source.
 */
export function hostedDestination(rows: BlobRows, storage: BlobStorage): CopyDestination {
  const receive = async (job: BlobJob): Promise<Placed> => {
    const { digest, size } = job.blob
    const storageKey = newStorageKey()
    try {
      const stored = await storage.append(storageKey, 0, readBlob(job), giveBack)
      await storage.seal(storageKey, stored)
    } catch (error) {
      await storage.remove(storageKey).catch(() => undefined)
      throw error
    }
    // Whether a failed call was heard is not known: then the bytes stay, for the collector to judge.
    const superfluous = await rows.receive({ digest, size, storageKey })
    if (superfluous !== null) await storage.remove(superfluous)
    return { way: 'sent', resumed: 0 }
  }
  return {
    async place(job) {
      const { digest, size } = job.blob
      const blob = (await rows.blobs([digest])).get(digest)
      const present = blob !== undefined && !blob.quarantined && blob.size === size
      return present ? { way: 'present', resumed: 0 } : receive(job)
    },
    placeAgain: receive,
    putManifest: async () => undefined,
  }
}
