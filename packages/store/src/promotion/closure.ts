import {
  GRAPH_BYTES_LIMIT,
  GRAPH_NODE_LIMIT,
  type Manifest,
  OciError,
  parseManifest,
  walkClosure,
} from '@sluice/oci'
import type { BoundMember, PlatformImage } from '@sluice/promotion'
import { platformImages } from '../evidence/platforms.ts'
import { StoreError } from '../errors.ts'
import type { Transaction } from '../transaction.ts'

/** Everything that one image needs, as its repository holds it now. */
export interface Closure {
  readonly members: readonly BoundMember[]
  readonly manifests: number
  readonly blobs: number
  /** Of all members, each once. */
  readonly bytes: number
  /** `os/architecture[/variant]`, as an index names them. */
  readonly platforms: readonly string[]
  /** The images that gates look at one by one: those of an index, else the root itself. */
  readonly images: readonly PlatformImage[]
  readonly foreignLayers: readonly string[]
  /** When the root came to the repository. */
  readonly pushedAt: Date
  /** Principals that pushed its manifests. */
  readonly pushers: readonly string[]
}

interface Stored {
  readonly digest: string
  readonly mediaType: string
  readonly bytes: Uint8Array
  readonly pushedAt: Date
  readonly pushedBy: string | null
}

/**
 * Walks an image through the membership of its repository, from the manifests' bytes, and checks that
 * every blob is there, unless its blobs are kept elsewhere. Null when the repository has no such manifest.
 * @throws StoreError closure_incomplete
 */
export async function readClosure(
  tx: Transaction,
  repositoryId: string,
  digest: string,
): Promise<(Closure & { mediaType: string }) | null> {
  const stored = await readManifests(tx, repositoryId, digest)
  const top = stored.get(digest)
  if (top === undefined) return null
  let root: Manifest | null = null
  const parsed = new Map<string, Manifest>()
  const read = async (wanted: string): Promise<Manifest | null> => {
    const found = stored.get(wanted) ?? (await readManifest(tx, repositoryId, wanted))
    if (found === null) return null
    stored.set(wanted, found)
    const manifest = parseManifest(found.bytes, found.mediaType)
    if (wanted === digest) root = manifest
    parsed.set(wanted, manifest)
    return manifest
  }
  const nodes = await walkClosure({ digest, mediaType: top.mediaType }, read).catch((cause: unknown) => {
    if (cause instanceof OciError) throw new StoreError('closure_incomplete', cause.message, { cause })
    throw cause
  })
  const members = nodes.filter(({ distributable }) => distributable)
  refuseTwins(nodes.map((node) => node.digest))
  const manifests = members.filter(({ kind }) => kind === 'manifest')
  await holdManifests(tx, repositoryId, manifests)
  await requireBlobs(tx, repositoryId, members)
  return {
    mediaType: top.mediaType,
    members: members.map(({ kind, digest, size, mediaType }) => ({ kind, digest, size, mediaType })),
    manifests: manifests.length,
    blobs: members.length - manifests.length,
    bytes: members.reduce((sum, { size }) => sum + size, 0),
    platforms: platformsOf(root),
    images: platformImages(digest, parsed),
    foreignLayers: nodes.filter(({ distributable }) => !distributable).map((node) => node.digest),
    pushedAt: top.pushedAt,
    pushers: [...new Set(manifests.flatMap((node) => stored.get(node.digest)?.pushedBy ?? []))],
  }
}

/**
 * The manifests below the root in one round trip. The edges are only a hint at what to fetch: the walk
 * reads the bytes, and asks again for what is not here.
 */
async function readManifests(tx: Transaction, repositoryId: string, root: string) {
  const rows = await tx.$queryRaw<Stored[]>`
    with recursive reached (digest) as (
      select ${root}::text
      union
      select e.child_digest from reached join manifest_edge e on e.parent_digest = reached.digest and e.kind = 'manifest'
    ), sized as (
      select m.digest, rm.media_type, rm.pushed_at, rm.pushed_by, m.bytes,
        sum(octet_length(m.bytes)) over (order by m.digest <> ${root}, m.digest) as total
      from (select digest from reached limit ${GRAPH_NODE_LIMIT}) reached
        join repository_manifest rm on rm.repository_id = ${repositoryId}::uuid and rm.digest = reached.digest
        join manifest m on m.digest = rm.digest
    )
    select digest, media_type as "mediaType", bytes, pushed_at as "pushedAt", pushed_by as "pushedBy"
    from sized where total <= ${GRAPH_BYTES_LIMIT}`
  return new Map(rows.map((row) => [row.digest, row]))
}

async function readManifest(tx: Transaction, repositoryId: string, digest: string): Promise<Stored | null> {
  const [row] = await tx.$queryRaw<Stored[]>`
    select m.digest, rm.media_type as "mediaType", m.bytes, rm.pushed_at as "pushedAt", rm.pushed_by as "pushedBy"
    from repository_manifest rm join manifest m on m.digest = rm.digest
    where rm.repository_id = ${repositoryId}::uuid and rm.digest = ${digest}`
  return row ?? null
}

/** A closure names each digest once, with one kind. */
function refuseTwins(digests: readonly string[]): void {
  const seen = new Set<string>()
  for (const digest of digests) {
    if (seen.has(digest)) {
      throw new StoreError(
        'closure_incomplete',
        `${digest} is linked as a manifest and as a blob; an image may use it as one only`,
      )
    }
    seen.add(digest)
  }
}

/** Locks what was walked, so that nothing of it is deleted and collected before the request awaits it. */
async function holdManifests(tx: Transaction, repositoryId: string, manifests: readonly BoundMember[]) {
  const held = await tx.$queryRaw<unknown[]>`
    select digest from repository_manifest
    where repository_id = ${repositoryId}::uuid and digest = any (${manifests.map(({ digest }) => digest)}::text[])
    order by digest for key share`
  if (held.length < manifests.length) {
    throw new StoreError('closure_incomplete', 'a manifest of this image is being deleted; push it again')
  }
}

/** Those of a remote feed are its registry's, and those of a proxy feed may not have come yet; the copy finds out. */
async function requireBlobs(tx: Transaction, repositoryId: string, members: readonly BoundMember[]) {
  const blobs = members.filter(({ kind }) => kind === 'blob')
  const digests = blobs.map(({ digest }) => digest)
  const missing = await tx.$queryRaw<{ digest: string }[]>`
    with held as (
      select digest from repository_blob
      where repository_id = ${repositoryId}::uuid and digest = any (${digests}::text[])
      order by digest for key share)
    select w.digest from unnest(${digests}::text[], ${blobs.map(({ size }) => String(size))}::bigint[]) w (digest, size)
    where not is_remote(${repositoryId}::uuid) and not is_proxy(${repositoryId}::uuid) and not exists (
      select from held h join blob b on b.digest = h.digest
      where h.digest = w.digest and b.size = w.size and b.quarantined_at is null)
    limit 10`
  if (missing.length > 0) {
    const list = missing.map(({ digest }) => digest).join(', ')
    throw new StoreError(
      'closure_incomplete',
      `the repository lacks blobs of this image: ${list}; push it again`,
    )
  }
}

/** An index says which platforms it is for; entries of unknown platform are attestations. */
export function platformsOf(root: Manifest | null): string[] {
  const named = (root?.manifests ?? []).flatMap(({ platform }) => {
    if (platform === undefined || platform.os === 'unknown' || platform.os === '') return []
    return [[platform.os, platform.architecture, platform.variant].filter(Boolean).join('/')]
  })
  return [...new Set(named)]
}
