import { RegistryError, verifyGraph } from '@sluice/oci'
import type { RunItem } from '@sluice/store'
import { WorkerError } from '../errors.ts'
import { type ProgressOf, withProgress } from '../progress.ts'
import { type ApprovedTree, readApproved, refuse } from './approved.ts'
import type { Step, StepContext } from './step.ts'

/**
 * Walks the image again and looks at what the destination has (invariants 2 and 10). In a feed of our own every blob
 * must be stored, in its size, and not quarantined: blobs were hashed when they arrived. What a registry elsewhere
 * serves is read to the last byte and hashed, whatever the copy believed.
 */
export const verify: Step = {
  name: 'verify',
  async perform(context) {
    const { runs, run, signal } = context
    let manifests = 0
    let blobs = 0
    await withProgress(context, async (of) => {
      for (const item of run.items) {
        signal.throwIfAborted()
        const trees = await readApproved(item, context)
        if (item.target.remote) await requireServed(item, trees, context, of)
        else await requireStored(item, context)
        await runs.markVerified(
          run,
          item.position,
          item.closure.map(({ digest }) => digest),
        )
        manifests += item.closure.filter(({ kind }) => kind === 'manifest').length
        blobs += item.closure.filter(({ kind }) => kind === 'blob').length
      }
    })
    return { manifests, blobs }
  },
}

async function requireStored(item: RunItem, { runs }: StepContext): Promise<void> {
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

/** What the destination does not have after all. */
const LOST = new Set(['not_found', 'wrong_digest', 'wrong_length', 'bad_response'])

/** What may be the network, or a blob that cannot be read there: in doubt that one is sent again. */
const HANGS_UP = new Set(['connection', 'server_error', 'timeout'])

async function requireServed(
  item: RunItem,
  trees: readonly ApprovedTree[],
  { runs, run, registries, verified, signal }: StepContext,
  progressOf: ProgressOf,
): Promise<void> {
  const { repository: registry } = await registries.open(item.target, 'pull')
  try {
    for (const [i, { root, nodes }] of trees.entries()) {
      const onProgress = progressOf(item.position, i)
      await verifyGraph({ registry, root, closure: nodes, signal, onProgress })
    }
    verified.set(item.target.feedId, registry.registry)
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error
    if (!LOST.has(error.code)) {
      // A registry that remembers a blob whose file is gone sends a head and hangs up, every time.
      if (error.blob !== null && HANGS_UP.has(error.code)) await runs.startOver(run, error.blob)
      throw error
    }
    // The next attempt sends all of it again, without asking what is there.
    await runs.startOver(run)
    throw new WorkerError(
      'destination_lost',
      `the feed ${item.target.feed} accepted the image and does not serve it whole: ${error.message}`,
      { cause: error },
    )
  }
}
