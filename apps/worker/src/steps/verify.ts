import { type ClosureNode, type ManifestReader, parseManifest, walkClosure } from '@sluice/oci'
import type { Run } from '@sluice/store'
import { WorkerError } from '../errors.ts'
import type { Step, StepContext } from './step.ts'

type Item = Run['items'][number]
type Member = Item['closure'][number]

/**
 * Walks the image again from the manifests' own bytes, whatever was believed when the request was made: their digests
 * are recomputed, everything they need must be part of what was approved, and every blob must be stored, in its
 * size, and not quarantined (invariants 2 and 10). Blobs were hashed when they arrived.
 */
export const verify: Step = {
  name: 'verify',
  async perform(context) {
    const { runs, run, signal } = context
    let manifests = 0
    let blobs = 0
    for (const item of run.items) {
      signal.throwIfAborted()
      requireApproved(item, await walkApproved(item, context))
      await requireStored(item, context)
      await runs.markVerified(
        run,
        item.position,
        item.closure.map(({ digest }) => digest),
      )
      manifests += item.closure.filter(({ kind }) => kind === 'manifest').length
      blobs += item.closure.filter(({ kind }) => kind === 'blob').length
    }
    return { manifests, blobs }
  },
}

/** Everything reached from the item's root, and from each approved manifest that no other one links (referrers). */
async function walkApproved(item: Item, { runs, signal }: StepContext): Promise<Map<string, ClosureNode>> {
  const read: ManifestReader = async (digest, mediaType) => {
    signal.throwIfAborted()
    const bytes = await runs.readManifest(digest)
    return bytes === null ? null : parseManifest(bytes, mediaType)
  }
  const reached = new Map<string, ClosureNode>()
  const walk = async (root: { digest: string; mediaType: string }): Promise<void> => {
    for (const node of await walkClosure(root, read)) reached.set(keyOf(node), node)
  }
  await walk(item)
  for (const member of item.closure) {
    if (member.kind === 'manifest' && !reached.has(keyOf(member))) await walk(member)
  }
  return reached
}

function requireApproved(item: Item, reached: ReadonlyMap<string, ClosureNode>): void {
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

async function requireStored(item: Item, { runs }: StepContext): Promise<void> {
  const wanted = item.closure.filter(({ kind }) => kind === 'blob')
  const stored = await runs.blobs(wanted.map(({ digest }) => digest))
  for (const { digest, size } of wanted) {
    const blob = stored.get(digest)
    if (blob === undefined) throw refuse(item, `the blob ${digest} is no longer stored; push the image again`)
    if (blob.quarantined) throw refuse(item, `the blob ${digest} was found damaged; push the image again`)
    if (blob.size !== size)
      throw refuse(item, `the blob ${digest} has ${blob.size} bytes; ${size} were approved`)
  }
}

function keyOf({ kind, digest }: Pick<Member, 'kind' | 'digest'>): string {
  return `${kind} ${digest}`
}

function refuse({ targetRepository, digest }: Item, what: string): WorkerError {
  return new WorkerError('closure_incomplete', `${targetRepository}@${digest}: ${what}`)
}
