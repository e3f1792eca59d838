import type { Readable } from 'node:stream'
import type { Descriptor } from '../descriptor.ts'
import type { Manifest } from '../manifest.ts'
import type { ClientLimits } from '../client/options.ts'
import type { Bandwidth } from './bandwidth.ts'

/** Where a copy takes from: a repository of a registry, or of a store of one's own. */
export interface CopySource {
  readonly name: string
  readonly registry: {
    /** For messages, before the repository's name. */
    readonly host: string
    /** Of a registry; null for a store of one's own, from which nothing can be mounted. */
    readonly origin: string | null
    readonly limits: ClientLimits
  }
  /** The bytes of a manifest, checked against the digest; null when there is none. */
  getManifest(digest: string, signal?: AbortSignal): Promise<Manifest | null>
  /** The body of a blob from byte `from`, or from 0 where the source knows no ranges; unchecked. */
  openBlob(
    digest: string,
    size: number,
    from: number,
    signal?: AbortSignal,
  ): Promise<{ readonly answer: { readonly body: Readable }; readonly from: number }>
}

/** A source that also says what speaks about its images. */
export interface ReferrerSource extends CopySource {
  referrers(digest: string, signal?: AbortSignal): Promise<Descriptor[]>
  resolve(
    reference: string,
    signal?: AbortSignal,
  ): Promise<{ readonly digest: string; readonly mediaType: string } | null>
}

export interface Blob {
  readonly digest: string
  readonly size: number
}

/** One blob on its way. */
export interface BlobJob {
  readonly source: CopySource
  readonly blob: Blob
  readonly bandwidth: Bandwidth | undefined
  /** Told how far it is, in bytes from its start. */
  readonly onBytes: (reached: number) => void
  readonly signal: AbortSignal
}

/** How a blob came to be there, with the attempts that continued after a break. */
export interface Placed {
  readonly way: 'present' | 'mounted' | 'sent'
  readonly resumed: number
}

/** Where a copy goes: a repository of a registry, or a store of one's own. */
export interface CopyDestination {
  /** Sees to it that the blob is there; what is there is not sent. */
  place(job: BlobJob): Promise<Placed>
  /** Sends a blob that was said to be there and is not. */
  placeAgain(job: BlobJob): Promise<Placed>
  /**
   * Takes exact bytes under their digest, or under a tag.
   * @throws RegistryError manifest_incomplete when it misses a child
   */
  putManifest(manifest: Manifest, reference: string, signal?: AbortSignal): Promise<void>
}
