import type { Descriptor } from './descriptor.ts'
import { verifyBytes } from './digest.ts'
import { OciError } from './errors.ts'
import { type Manifest, successors } from './manifest.ts'

/** Levels of manifests, the root included: an image in an index in an index has three. */
export const GRAPH_DEPTH_LIMIT = 8
/** Manifests and blobs of one closure. */
export const GRAPH_NODE_LIMIT = 20_000
/** Bytes of all manifests of one closure. */
export const GRAPH_BYTES_LIMIT = 64 * 1024 * 1024

const READS_AT_ONCE = 8

export interface ClosureNode {
  digest: string
  kind: 'manifest' | 'blob'
  mediaType: string
  /** Bytes. */
  size: number
  /** False: a foreign layer, whose bytes need not exist anywhere we can read. */
  distributable: boolean
}

/** Gives the manifest with this digest, read as this media type, or null when there is none. */
export type ManifestReader = (digest: string, mediaType: string) => Promise<Manifest | null>

/**
 * Everything that must be present before `root` may be served: children before parents, the root
 * last, each digest once (once as manifest and once as blob where it is linked as both). Subjects
 * and referrers are not part of it. Every manifest's bytes are checked against its digest, and
 * every link against the size and type of what it points at.
 * @throws OciError MANIFEST_UNKNOWN, DIGEST_MISMATCH, SIZE_INVALID, MANIFEST_INVALID,
 *   GRAPH_TOO_DEEP, GRAPH_TOO_LARGE; errors of `read` pass through
 */
export async function walkClosure(
  root: { digest: string; mediaType: string },
  read: ManifestReader,
): Promise<ClosureNode[]> {
  const graph: Graph = { manifests: new Map(), blobs: new Map(), bytes: 0 }
  const top: Link = { ...root, size: null, parent: null, blobs: [], children: [] }
  graph.manifests.set(root.digest, top)
  // Level by level, a few manifests at a time: a remote registry answers in round trips.
  for (let depth = 1, level = [top]; level.length > 0; depth++) {
    if (depth > GRAPH_DEPTH_LIMIT) throw tooDeep(root.digest)
    const next: Link[] = []
    for (let at = 0; at < level.length; at += READS_AT_ONCE) {
      const batch = level.slice(at, at + READS_AT_ONCE)
      const manifests = await Promise.all(batch.map(({ digest, mediaType }) => read(digest, mediaType)))
      batch.forEach((link, i) => next.push(...expand(graph, link, manifests[i] ?? null)))
    }
    level = next
  }
  return childrenFirst(top)
}

interface Graph {
  manifests: Map<string, Link>
  blobs: Map<string, ClosureNode>
  /** Of the manifests read so far. */
  bytes: number
}

/** A manifest that is linked, and once it was read what it links itself. */
interface Link {
  digest: string
  mediaType: string
  /** Null for the root until it was read. */
  size: number | null
  parent: string | null
  blobs: ClosureNode[]
  children: Link[]
}

/** Checks a manifest against its link, records what it links and returns the manifests not seen before. */
function expand(graph: Graph, link: Link, manifest: Manifest | null): Link[] {
  if (manifest === null) {
    const by = link.parent === null ? '' : `, which ${link.parent} links,`
    throw new OciError('MANIFEST_UNKNOWN', `the manifest ${link.digest}${by} does not exist; push it first`)
  }
  verifyBytes(manifest.bytes, link.digest)
  checkSame(link, manifest.mediaType, manifest.size)
  link.size = manifest.size
  graph.bytes += manifest.size
  const found: Link[] = []
  const blobs = new Set<ClosureNode>()
  const children = new Set<Link>()
  for (const { kind, descriptor, distributable } of successors(manifest)) {
    if (kind === 'subject') continue
    if (kind !== 'manifest') {
      blobs.add(blobOf(graph, descriptor, distributable))
    } else {
      const { digest, mediaType, size } = descriptor
      let child = graph.manifests.get(digest)
      if (child === undefined) {
        child = { digest, mediaType, size, parent: link.digest, blobs: [], children: [] }
        graph.manifests.set(digest, child)
        found.push(child)
      }
      checkSame(child, mediaType, size)
      children.add(child)
    }
    checkBounds(graph)
  }
  link.blobs = [...blobs]
  link.children = [...children]
  return found
}

function blobOf(graph: Graph, descriptor: Descriptor, distributable: boolean): ClosureNode {
  const { digest, mediaType, size } = descriptor
  const known = graph.blobs.get(digest)
  if (known === undefined) {
    const node: ClosureNode = { digest, kind: 'blob', mediaType, size, distributable }
    graph.blobs.set(digest, node)
    return node
  }
  if (known.size !== size) throw sizeDiffers(digest, known.size, size)
  if (distributable && !known.distributable) {
    // One link that needs the bytes is enough to need them.
    known.mediaType = mediaType
    known.distributable = true
  }
  return known
}

/** Two statements about one manifest must agree, or two clients would read two things. */
function checkSame(link: Link, mediaType: string, size: number): void {
  if (link.size !== null && link.size !== size) throw sizeDiffers(link.digest, link.size, size)
  if (link.mediaType !== mediaType) {
    throw new OciError(
      'MANIFEST_INVALID',
      `the manifest ${link.digest} is named as ${link.mediaType} and as ${mediaType}; it can have one media type only`,
    )
  }
}

function sizeDiffers(digest: string, one: number, other: number): OciError {
  return new OciError('SIZE_INVALID', `${digest} is given ${one} bytes in one place and ${other} in another`)
}

function checkBounds(graph: Graph): void {
  if (graph.manifests.size + graph.blobs.size > GRAPH_NODE_LIMIT) {
    throw new OciError('GRAPH_TOO_LARGE', `the image has more than ${GRAPH_NODE_LIMIT} manifests and blobs`)
  }
  if (graph.bytes > GRAPH_BYTES_LIMIT) {
    throw new OciError('GRAPH_TOO_LARGE', `the image has more than ${GRAPH_BYTES_LIMIT} bytes of manifests`)
  }
}

function tooDeep(digest: string): OciError {
  return new OciError('GRAPH_TOO_DEEP', `${digest} nests more than ${GRAPH_DEPTH_LIMIT} levels of manifests`)
}

/**
 * Post-order. A manifest that is linked near the root and again far below it was read early, so the
 * depth is measured here once more, over the longest path; this also bounds the recursion.
 */
function childrenFirst(root: Link): ClosureNode[] {
  const heights = new Map<Link, number>()
  const nodes = new Set<ClosureNode>()
  const visit = (link: Link, depth: number): number => {
    const known = heights.get(link)
    if (known !== undefined) return known
    if (depth > GRAPH_DEPTH_LIMIT) throw tooDeep(root.digest)
    const height = 1 + link.children.reduce((most, child) => Math.max(most, visit(child, depth + 1)), 0)
    if (height > GRAPH_DEPTH_LIMIT) throw tooDeep(root.digest)
    heights.set(link, height)
    for (const blob of link.blobs) nodes.add(blob)
    const { digest, mediaType, size } = link
    nodes.add({ digest, kind: 'manifest', mediaType, size: size ?? 0, distributable: true })
    return height
  }
  visit(root, 1)
  return [...nodes]
}
