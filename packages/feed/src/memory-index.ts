import { randomUUID } from 'node:crypto'
import { type Descriptor, isDigest, type Manifest, successors } from '@sluice/oci'
import { requireCondition } from './condition.ts'
import { FeedError } from './errors.ts'
import { MemoryUploads } from './memory-uploads.ts'
import { tagListing } from './paging.ts'
import type {
  Feed,
  FeedIndex,
  Listing,
  Page,
  RepositoryAddress,
  StoredBlob,
  TagOutcome,
  TagRefusal,
} from './ports.ts'

export interface MemoryFeed extends Feed {
  readonly formerNames?: readonly string[]
}

export interface MemoryIndexOptions {
  readonly feeds: readonly MemoryFeed[]
  /** The feeds' tag rules: why this tag may not move from one digest to another; null when it may. */
  readonly tagRule?: (tag: string, from: string | null, to: string) => TagRefusal | null
  /** What the blobs of a proxy feed may take, in bytes, by its id. */
  readonly room?: Readonly<Record<string, number>>
}

interface Repository {
  readonly manifests: Map<string, Manifest>
  readonly tags: Map<string, string>
  readonly blobs: Set<string>
}

/**
 * A `FeedIndex` in memory, held to the same contract as the one on Postgres: for tests of whatever
 * stands on the port.
 */
export function memoryIndex({ feeds, tagRule = () => null, room = {} }: MemoryIndexOptions): FeedIndex {
  const repositories = new Map<string, Repository>()
  const blobs = new Map<string, StoredBlob>()
  const quarantined = new Set<string>()
  const uploads = new MemoryUploads()

  const keyOf = ({ feed, repository }: RepositoryAddress) => `${feed.id}\n${repository}`
  const find = (address: RepositoryAddress) => repositories.get(keyOf(address))
  const enter = (address: RepositoryAddress): Repository => {
    const known = find(address)
    if (known !== undefined) return known
    const fresh = { manifests: new Map(), tags: new Map(), blobs: new Set<string>() }
    repositories.set(keyOf(address), fresh)
    return fresh
  }
  const holds = (repository: Repository | undefined, digest: string) =>
    repository !== undefined && repository.blobs.has(digest) && !quarantined.has(digest)
  const stored = (repository: Repository | undefined, reference: string) => {
    const digest = isDigest(reference) ? reference : repository?.tags.get(reference)
    const manifest = digest === undefined ? undefined : repository?.manifests.get(digest)
    if (digest === undefined || manifest === undefined) return null
    return { digest, mediaType: manifest.mediaType, bytes: manifest.bytes }
  }
  const holders = (feedIds: readonly string[]) =>
    [...repositories].filter(([key]) => feedIds.includes(key.slice(0, key.indexOf('\n'))))

  return {
    async findFeed(name) {
      const found = feeds.find((feed) => feed.name === name || feed.formerNames?.includes(name))
      if (found === undefined) return null
      const { id, name: current, trusted, upstream } = found
      return { id, name: current, trusted, ...(upstream !== undefined && { upstream }) }
    },

    findManifest: async (address, reference) => stored(find(address), reference),

    async describeManifest(address, reference) {
      const found = stored(find(address), reference)
      return found && { digest: found.digest, mediaType: found.mediaType, size: found.bytes.length }
    },

    async putManifest({ address, manifest, digest, tags, condition }) {
      checkComplete(manifest, {
        manifest: (child) => find(address)?.manifests.has(child) ?? false,
        blob: (blob) => holds(find(address), blob),
      })
      for (const tag of tags) requireCondition(condition, tag, find(address)?.tags.get(tag) ?? null)
      const moves = tags.map((tag) => moveOf(find(address)?.tags.get(tag) ?? null, { tag, digest, tagRule }))
      if (moves.length > 0 && moves.every((move) => !move.moved && move.refusal !== null)) return moves
      const repository = enter(address)
      repository.manifests.set(digest, manifest)
      for (const move of moves) if (move.moved) repository.tags.set(move.tag, digest)
      return moves
    },

    async deleteManifest(address, digest) {
      const repository = find(address)
      if (!repository?.manifests.delete(digest)) return false
      for (const [tag, target] of repository.tags) if (target === digest) repository.tags.delete(tag)
      return true
    },

    deleteTag: async (address, tag) => find(address)?.tags.delete(tag) ?? false,

    async listTags(address, page) {
      const repository = find(address)
      return repository === undefined ? null : tagListing(pageOf([...repository.tags.keys()], page))
    },

    async listReferrers(address, subject, { artifactType, limit, afterDigest }) {
      const manifests = [...(find(address)?.manifests ?? [])]
      const all = manifests
        .filter(([digest, { subject: of }]) => of?.digest === subject && digest > (afterDigest ?? ''))
        .map(([digest, manifest]) => referrerOf(digest, manifest))
        .filter((descriptor) => artifactType === null || descriptor.artifactType === artifactType)
        .sort((a, b) => (a.digest < b.digest ? -1 : 1))
      return { descriptors: all.slice(0, limit), more: all.length > limit }
    },

    async listRepositories(feedIds, page) {
      const names = holders(feedIds).map(([key]) => {
        const [feedId, repository] = key.split('\n')
        return `${feeds.find(({ id }) => id === feedId)?.name}/${repository}`
      })
      return pageOf(names, page)
    },

    findBlob: async (address, digest) => (holds(find(address), digest) ? (blobs.get(digest) ?? null) : null),

    async quarantineBlob({ digest, storageKey }) {
      if (blobs.get(digest)?.storageKey === storageKey) quarantined.add(digest)
    },

    async mountBlob(address, digest, source) {
      const from =
        source.kind === 'repository'
          ? [find(source.address)]
          : holders(source.feedIds).map(([, repository]) => repository)
      if (!from.some((repository) => holds(repository, digest))) return false
      enter(address).blobs.add(digest)
      return true
    },

    deleteBlob: async (address, digest) => find(address)?.blobs.delete(digest) ?? false,

    openUpload: async (address, storageKey, principalId) =>
      uploads.open({ id: randomUUID(), storageKey, principalId, address }),
    findUpload: async (address, id, principalId) => uploads.find(keyOf(address), id, principalId),
    claimUpload: async (id, offset, leaseMs) => uploads.claim(id, offset, leaseMs),
    renewUpload: async (claim, leaseMs) => uploads.renew(claim, leaseMs),
    advanceUpload: async (claim, offset, hashed = null) => uploads.advance(claim, offset, hashed),

    async finishUpload(claim, blob) {
      const address = uploads.finish(claim)
      const known = blobs.get(blob.digest)
      enter(address).blobs.add(blob.digest)
      if (known !== undefined && !quarantined.has(blob.digest)) return { superfluous: blob.storageKey }
      blobs.set(blob.digest, blob)
      quarantined.delete(blob.digest)
      return { superfluous: known?.storageKey ?? null }
    },

    cancelUpload: async (address, id, principalId) => uploads.cancel(keyOf(address), id, principalId),

    // Nothing is purged here.
    wasPurged: async () => false,

    async keepManifest(address, { digest, manifest, tag }) {
      const repository = enter(address)
      repository.manifests.set(digest, manifest)
      if (tag !== null) repository.tags.set(tag, digest)
      return true
    },

    async keepTag(address, tag, digest) {
      const repository = find(address)
      if (!repository?.manifests.has(digest)) return false
      repository.tags.set(tag, digest)
      return true
    },

    async forgetTag(address, tag) {
      find(address)?.tags.delete(tag)
    },

    async keepBlob(address, blob) {
      const known = blobs.get(blob.digest)
      const held = known !== undefined && !quarantined.has(blob.digest)
      const others = [...blobs.values()].filter(({ digest }) => digest !== blob.digest)
      const used = others.reduce((sum, { size }) => sum + size, 0)
      const left = (room[address.feed.id] ?? Number.POSITIVE_INFINITY) - used
      if (blob.size > left) return { kept: null, superfluous: null }
      enter(address).blobs.add(blob.digest)
      if (held) return { kept: known, superfluous: blob.storageKey }
      blobs.set(blob.digest, blob)
      quarantined.delete(blob.digest)
      return { kept: blob, superfluous: known?.storageKey ?? null }
    },
  }
}

function checkComplete(
  manifest: Manifest,
  has: { manifest(digest: string): boolean; blob(digest: string): boolean },
): void {
  for (const { kind, descriptor, distributable } of successors(manifest)) {
    if (kind === 'subject' || !distributable) continue
    if (kind === 'manifest' ? has.manifest(descriptor.digest) : has.blob(descriptor.digest)) continue
    throw new FeedError(
      'MANIFEST_BLOB_UNKNOWN',
      `the ${kind} ${descriptor.digest} is not in this repository; push it before the manifest`,
      { detail: { digest: descriptor.digest, mediaType: descriptor.mediaType } },
    )
  }
}

function moveOf(
  from: string | null,
  { tag, digest, tagRule }: { tag: string; digest: string } & Required<Pick<MemoryIndexOptions, 'tagRule'>>,
): TagOutcome {
  if (from === digest) return { tag, moved: false, refusal: null }
  const refusal = tagRule(tag, from, digest)
  return refusal === null ? { tag, moved: true } : { tag, moved: false, refusal }
}

/** Distribution specification, "Listing Referrers". */
function referrerOf(digest: string, { mediaType, size, artifactType, annotations }: Manifest): Descriptor {
  return {
    mediaType,
    digest,
    size,
    ...(artifactType !== undefined && { artifactType }),
    ...(Object.keys(annotations).length > 0 && { annotations }),
  }
}

function pageOf(names: string[], { limit, last }: Page): Listing {
  const after = names.filter((name) => last === null || name > last).sort()
  return { names: after.slice(0, limit), more: after.length > limit }
}
