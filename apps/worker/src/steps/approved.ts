import { type ClosureNode, type ManifestReader, parseManifest, walkClosure } from '@sluice/oci'
import type { RunItem, RunMember } from '@sluice/store'
import { WorkerError } from '../errors.ts'
import type { StepContext } from './step.ts'

/** One manifest with everything it needs, foreign layers included. */
export interface ApprovedTree {
  readonly root: { readonly digest: string; readonly mediaType: string }
  readonly nodes: readonly ClosureNode[]
}

/**
 * Walks an item from its manifests' own bytes, whatever was believed when the request was made: the image, and each
 * approved manifest that nothing else links (referrers). All that is found was approved, and all that was approved
 * is found (invariant 10).
 * @throws WorkerError closure_incomplete, OciError
 */
export async function readApproved(
  item: RunItem,
  { runs, signal }: Pick<StepContext, 'runs' | 'signal'>,
): Promise<ApprovedTree[]> {
  const read: ManifestReader = async (digest, mediaType) => {
    signal.throwIfAborted()
    const bytes = await runs.readManifest(digest)
    return bytes === null ? null : parseManifest(bytes, mediaType)
  }
  const reached = new Map<string, ClosureNode>()
  const trees: ApprovedTree[] = []
  const walk = async ({ digest, mediaType }: ApprovedTree['root']): Promise<void> => {
    const nodes = await walkClosure({ digest, mediaType }, read)
    for (const node of nodes) reached.set(keyOf(node), node)
    trees.push({ root: { digest, mediaType }, nodes })
  }
  await walk(item)
  for (const member of item.closure) {
    if (member.kind === 'manifest' && !reached.has(keyOf(member))) await walk(member)
  }
  requireApproved(item, reached)
  return trees
}

function requireApproved(item: RunItem, reached: ReadonlyMap<string, ClosureNode>): void {
  const approved = new Map(item.closure.map((member) => [keyOf(member), member]))
  for (const [key, node] of reached) {
    const member = approved.get(key)
    if (member === undefined) {
      // A foreign layer stays with its owner.
      if (!node.distributable) continue
      throw refuse(item, `${node.digest} is needed by the image, but is not part of what was approved`)
    }
    if (member.size !== node.size) {
      throw refuse(
        item,
        `${node.digest} has ${node.size} bytes by its manifest, and ${member.size} were approved`,
      )
    }
  }
  for (const [key, { digest }] of approved) {
    if (!reached.has(key)) throw refuse(item, `${digest} was approved, but nothing in the image links it`)
  }
}

function keyOf({ kind, digest }: Pick<RunMember, 'kind' | 'digest'>): string {
  return `${kind} ${digest}`
}

export function refuse({ target, digest }: RunItem, what: string): WorkerError {
  return new WorkerError('closure_incomplete', `${target.repository}@${digest}: ${what}`)
}
