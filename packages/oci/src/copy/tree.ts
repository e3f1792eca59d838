import { OciError } from '../errors.ts'
import { type ClosureNode, walkClosure } from '../graph.ts'
import { type Manifest, successors } from '../manifest.ts'
import { RegistryError } from '../client/errors.ts'
import type { CopySource } from './ends.ts'

/** A closure in the order in which it may be pushed, with its manifests' bytes. */
export interface Tree {
  /** Each once; foreign layers are not among them. */
  readonly blobs: readonly ClosureNode[]
  /** Layers whose bytes stay at their vendor's: their URLs are never visited. */
  readonly foreign: readonly ClosureNode[]
  /** Manifests level by level, those without children first, the root alone at the end. */
  readonly levels: readonly (readonly TreeManifest[])[]
}

export interface TreeManifest {
  readonly digest: string
  readonly manifest: Manifest
}

/**
 * Reads everything under a root, checked by digest. With the closure that was approved, finding anything
 * else is an error: by digest nothing can change, so the two were not made by one rule.
 * @throws RegistryError not_found, wrong_digest, closure_differs; OciError for a malformed graph
 */
export async function readTree(
  repository: CopySource,
  root: { digest: string; mediaType: string },
  options: { closure?: readonly ClosureNode[] | undefined; signal?: AbortSignal | undefined },
): Promise<Tree> {
  const manifests = new Map<string, Manifest>()
  const nodes = await walk(repository, root, manifests, options.signal)
  if (options.closure !== undefined) compare(root.digest, nodes, options.closure)
  const blobs = nodes.filter(({ kind, distributable }) => kind === 'blob' && distributable)
  const foreign = nodes.filter(({ kind, distributable }) => kind === 'blob' && !distributable)
  const heights = new Map<string, number>()
  const levels: TreeManifest[][] = []
  for (const { kind, digest } of nodes) {
    const manifest = kind === 'manifest' ? manifests.get(digest) : undefined
    if (manifest === undefined) continue
    // Children come first in a closure, so their heights are known.
    const below = successors(manifest).map((edge) =>
      edge.kind === 'manifest' ? (heights.get(edge.descriptor.digest) ?? 0) : 0,
    )
    const height = 1 + Math.max(0, ...below)
    heights.set(digest, height)
    const level = (levels[height - 1] ??= [])
    level.push({ digest, manifest })
  }
  return { blobs, foreign, levels }
}

async function walk(
  repository: CopySource,
  root: { digest: string; mediaType: string },
  manifests: Map<string, Manifest>,
  signal: AbortSignal | undefined,
): Promise<ClosureNode[]> {
  const place = `${repository.registry.host}/${repository.name}`
  try {
    return await walkClosure(root, async (digest) => {
      const manifest = await repository.getManifest(digest, signal)
      if (manifest !== null) manifests.set(digest, manifest)
      return manifest
    })
  } catch (error) {
    if (!(error instanceof OciError) || error.code !== 'MANIFEST_UNKNOWN') throw error
    throw new RegistryError('not_found', `${place}: ${error.message}`, { cause: error })
  }
}

function compare(root: string, found: readonly ClosureNode[], approved: readonly ClosureNode[]): void {
  const key = ({ kind, digest, size }: ClosureNode) => `${kind} ${digest} ${size}`
  const [a, b] = [new Set(found.map(key)), new Set(approved.map(key))]
  const odd = [...a].find((one) => !b.has(one)) ?? [...b].find((one) => !a.has(one))
  if (odd === undefined) return
  throw new RegistryError(
    'closure_differs',
    `${root}: ${odd} is not in both what was approved and what was found`,
  )
}
