import type { Bandwidth, Descriptor, Manifest, Repository } from '@sluice/oci'

/** A feed as one request sees it: resolved once, from its current or any former name. */
export interface Feed {
  readonly id: string
  /** The current name; a reference may have used an older one. */
  readonly name: string
  readonly trusted: boolean
  /** `HOST[:PORT][/PREFIX]` of the registry that has its images; absent where they are here. */
  readonly elsewhere?: string | null
  /** `HOST[:PORT][/PREFIX]` of the registry that this feed is a proxy of; absent of all others. */
  readonly upstream?: string | null
}

/** One repository of one feed, by name; it need not exist yet. */
export interface RepositoryAddress {
  readonly feed: Feed
  readonly repository: string
}

export type Verb = 'pull' | 'push' | 'delete'

/** Who asks. `principalId` is null for the anonymous caller. */
export interface Caller {
  readonly principalId: string | null
  /**
   * May this caller do this here, by its grants and by the scopes of the credential it showed?
   * `unauthorized`: the credential does not reach (answer 401 with a challenge); `denied`: the
   * person behind it may not (403).
   */
  may(address: RepositoryAddress, verb: Verb): Promise<'allowed' | 'unauthorized' | 'denied'>
  /** Of the repositories that hold a blob, those this caller may pull from: for mount without `from`. */
  readableFeedIds(): Promise<readonly string[]>
}

/** What a HEAD tells of a manifest. */
export interface ManifestFacts {
  readonly digest: string
  readonly mediaType: string
  /** Bytes. */
  readonly size: number
}

/** A manifest as a repository holds it: the exact bytes, under the media type it was pushed with. */
export interface StoredManifest {
  readonly digest: string
  readonly mediaType: string
  readonly bytes: Uint8Array
}

export interface StoredBlob {
  readonly digest: string
  readonly size: number
  readonly storageKey: string
}

export interface Upload {
  readonly id: string
  readonly storageKey: string
  /** Bytes received so far; the next chunk starts here. */
  readonly offset: number
  /** What the feed may hold and holds, in bytes; absent where it has no quota. */
  readonly quota?: QuotaState
  /** What those bytes hash to; null where whoever received them could not tell. */
  readonly hashed: Hashed | null
}

/** A digest of bytes that arrived, and the life of the processes in which it may stand for what was written. */
export interface Hashed {
  readonly digest: string
  readonly by: string
}

export interface QuotaState {
  readonly quota: number
  readonly used: number
}

export type TagOutcome =
  | { readonly tag: string; readonly moved: true }
  | { readonly tag: string; readonly moved: false; readonly refusal: TagRefusal | null }

/** Why a tag stayed where it is; `null` beside `moved: false` means that it already pointed there. */
export interface TagRefusal {
  readonly rule: string
  readonly message: string
}

/** What every tag of a push must be until then: nothing, anything, or on one of these digests. */
export type TagCondition = 'absent' | 'present' | readonly string[]

export interface ManifestPush {
  readonly address: RepositoryAddress
  readonly manifest: Manifest
  readonly digest: string
  readonly tags: readonly string[]
  readonly principalId: string
  readonly condition?: TagCondition
}

/**
 * The metadata port. One call is one decision: whatever it changes, it changes in one
 * transaction, together with the membership rows that say who may read what.
 *
 * Writes to a trusted feed never reach this port: the server refuses them first, and the
 * database refuses them again.
 */
export interface FeedIndex {
  /** A feed by its current or a former name. */
  findFeed(name: string): Promise<Feed | null>

  /**
   * By tag or digest, within this repository's membership only. A tag that nobody set may still resolve,
   * where the feed's rules keep tags of their own. Throws `DENIED` for what was let in and recalled since.
   */
  findManifest(address: RepositoryAddress, reference: string): Promise<StoredManifest | null>
  /** The same without the bytes: for HEAD. */
  describeManifest(address: RepositoryAddress, reference: string): Promise<ManifestFacts | null>
  /**
   * Stores the manifest, its edges and its membership, and moves the tags. Throws
   * `MANIFEST_BLOB_UNKNOWN` naming what is missing from this repository (subjects and
   * non-distributable layers need not be there). One outcome a tag, in the order asked; when
   * tags were asked and every one is refused, nothing is stored. Throws `DENIED` with status 412, and
   * stores nothing, when a tag is not what `condition` says.
   */
  putManifest(push: ManifestPush): Promise<readonly TagOutcome[]>
  /**
   * Removes the manifest from the repository and every tag that points at it; false when absent. Throws
   * `DENIED` when the feed's rules hold one of those tags in place, or a tag of an image that needs it;
   * `deleteTag` and `deleteBlob` likewise.
   */
  deleteManifest(address: RepositoryAddress, digest: string, principalId: string): Promise<boolean>
  deleteTag(address: RepositoryAddress, tag: string, principalId: string): Promise<boolean>
  /** Tags in ASCII order after `last`; null when the repository is unknown. */
  listTags(address: RepositoryAddress, page: Page): Promise<TagListing | null>
  /** Referrers of `subject` within this repository, ordered by digest. */
  listReferrers(address: RepositoryAddress, subject: string, filter: ReferrerFilter): Promise<Referrers>
  /** `feed/repository` names in ASCII order, of the feeds given. */
  listRepositories(feedIds: readonly string[], page: Page): Promise<Listing>

  /** Within this repository's membership only; asking renews the grace of an unreferenced blob. */
  findBlob(address: RepositoryAddress, digest: string): Promise<StoredBlob | null>
  /**
   * The bytes under exactly this key are missing or damaged: no repository finds or mounts the blob,
   * and no manifest may be pushed over it, until an upload of its digest replaces them. Without `damage`,
   * they could not be read.
   */
  quarantineBlob(blob: StoredBlob, damage?: 'wrong digest'): Promise<void>
  /** Links a blob that some repository of `readableFeedIds` (or exactly `from`) already holds. */
  mountBlob(address: RepositoryAddress, digest: string, source: MountSource): Promise<boolean>
  deleteBlob(address: RepositoryAddress, digest: string): Promise<boolean>

  openUpload(address: RepositoryAddress, storageKey: string, principalId: string): Promise<Upload>
  /** Only for the principal that opened it, in the repository where it was opened. */
  findUpload(address: RepositoryAddress, id: string, principalId: string): Promise<Upload | null>
  /**
   * Takes the one-writer lease of an upload at this offset; null when somebody else writes or
   * the offset has moved on. The lease ends with `advanceUpload`, or by itself after `leaseMs`.
   */
  claimUpload(id: string, offset: number, leaseMs: number): Promise<UploadClaim | null>
  /** Keeps a long write's lease; false when the claim had been lost: the writer must stop. */
  renewUpload(claim: UploadClaim, leaseMs: number): Promise<boolean>
  /**
   * Records the new offset, and what the bytes before it hash to, and ends the claim; false when the claim had been
   * lost. Another offset without `hashed` forgets what was recorded. Throws `DENIED` when the feed's quota has no room.
   */
  advanceUpload(claim: UploadClaim, offset: number, hashed?: Hashed | null): Promise<boolean>
  /**
   * Ends a claimed upload as a verified blob of this repository. When the digest is already
   * stored, answers the storage key of the bytes that are now superfluous: usually the new ones,
   * the old ones where those were found missing or damaged. Throws `BLOB_UPLOAD_UNKNOWN` when the
   * claim had been lost, `DENIED` for the bytes of a manifest that was purged.
   */
  finishUpload(claim: UploadClaim, blob: StoredBlob): Promise<{ readonly superfluous: string | null }>
  /** Ends the upload; answers the storage key of what it left behind, null when there was none. */
  cancelUpload(address: RepositoryAddress, id: string, principalId: string): Promise<string | null>

  /** Of a proxy feed, before anything is fetched: what was purged anywhere is not taken again. Whom it is told, a read decides. */
  wasPurged(digest: string): Promise<boolean>
  /**
   * Of a proxy feed: keeps a manifest that its upstream served, whether what it needs is here or not, and points the
   * tag at it. False for what was purged: it is not kept.
   */
  keepManifest(address: RepositoryAddress, kept: KeptManifest): Promise<boolean>
  /** Points a tag at a manifest that is here already; false when it is not. A move is remembered, by nobody here. */
  keepTag(address: RepositoryAddress, tag: string, digest: string): Promise<boolean>
  /** The upstream has no such tag any more. */
  forgetTag(address: RepositoryAddress, tag: string): Promise<void>
  /**
   * Keeps a blob that its upstream served and whose bytes are sealed. Answers what to read from now on, null where the
   * feed's quota leaves no room or it was purged meanwhile, and the storage key of bytes that are superfluous.
   */
  keepBlob(address: RepositoryAddress, blob: StoredBlob): Promise<KeptBlob>
}

export interface KeptManifest {
  readonly digest: string
  readonly manifest: Manifest
  readonly tag: string | null
}

export interface KeptBlob {
  readonly kept: StoredBlob | null
  readonly superfluous: string | null
}

/** The registries behind proxy feeds, and what is remembered of asking them. */
export interface Upstreams {
  /** Sends nothing yet. Throws RegistryError (settings_invalid, address_refused …); `NAME_UNKNOWN`: the feed has none. */
  open(
    address: RepositoryAddress,
  ): Promise<{ readonly repository: Repository; readonly bandwidth?: Bandwidth | undefined }>
  /** A manifest was pulled. Costs nothing now; the last few are lost with the process. */
  noteUse(address: RepositoryAddress, digest: string): void
  /** How asking went; null: it answered. */
  noteContact(feed: Feed, failure: string | null): void
}

export interface UploadClaim {
  readonly uploadId: string
  /** Fences a writer that lost its lease. */
  readonly claimId: string
}

export type MountSource =
  | { readonly kind: 'repository'; readonly address: RepositoryAddress }
  | { readonly kind: 'anywhere'; readonly feedIds: readonly string[] }

export interface Page {
  /** From 0; the server caps what callers ask for, so there is always one. */
  readonly limit: number
  readonly last: string | null
}

export interface Listing {
  readonly names: readonly string[]
  readonly more: boolean
}

/** A page of tags as it is sent: to parse ten thousand and to write them again takes longer than to find them. */
export interface TagListing {
  /** The names as an array in JSON. */
  readonly json: string
  /** Null where there is none. */
  readonly last: string | null
  readonly more: boolean
}

export interface ReferrerFilter {
  readonly artifactType: string | null
  readonly limit: number
  readonly afterDigest: string | null
}

export interface Referrers {
  readonly descriptors: readonly Descriptor[]
  readonly more: boolean
}

/** Inclusive byte positions, as HTTP ranges have them. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * The bytes port: objects that are written once, under a key of their own, and never changed.
 * An upload grows in chunks; only `seal` makes it durable and readable.
 */
export interface BlobStorage {
  /**
   * Appends to the unsealed object at `offset`; resolves to the new size. Bytes beyond `offset`,
   * left by a writer that died, are cut off first. Throws `BLOB_MISSING` when fewer are there, and
   * `UPLOAD_BUSY` while another append or seal of the same key runs. A chunk must stay as it is until `written` is
   * called with it, which may be long after the next one was asked for, or never.
   */
  append(
    key: string,
    offset: number,
    chunks: AsyncIterable<Uint8Array>,
    written?: (chunk: Uint8Array) => void,
  ): Promise<number>
  /**
   * Reads an upload from byte `start`, 0 unless given, to before byte `end`, sealed or not: to hash it again after a
   * restart, or to hand on what has arrived.
   */
  readUnsealed(key: string, end: number, start?: number): AsyncIterable<Uint8Array>
  /** Makes the object durable under its key: fsynced (or completed) before it resolves. Repeatable. */
  seal(key: string, size: number): Promise<void>
  /**
   * The bytes of a sealed object. A chunk is valid until the next one is asked for: buffers are
   * reused. Throws `BLOB_MISSING` before the first chunk when the storage lost it.
   */
  read(key: string, range: ByteRange): AsyncIterable<Uint8Array>
  /** Removes a sealed or unsealed object; absent is fine. */
  remove(key: string): Promise<void>
  /**
   * Every object, sealed or not, in no order; an object that is sealed meanwhile may come twice or not at
   * all. For the collector, which looks for what nobody knows.
   */
  list(): AsyncIterable<StoredObject>
  /** Where clients may read a sealed object themselves, for a while; absent where they cannot. */
  linkTo?(key: string): Promise<string>
}

export interface StoredObject {
  readonly key: string
  /** When it was last written to. */
  readonly changedAt: Date
}
