import { copyGraph, parseManifest, verifyGraph } from '@sluice/oci'
import type { Late, LateScan } from '@sluice/store'
import { openEnds } from './ends/both.ts'
import type { StoredBlob } from './ends/hosted-destination.ts'
import { WorkerError } from './errors.ts'
import type { Follower } from './referrers.ts'

/**
 * Brings an artifact to the target of its image and lets it in. Between hosted feeds no byte moves. In a registry
 * elsewhere it is seen as soon as its manifest or its tag is there, so that it is intended before that, and read back
 * and hashed before it is admitted; what is done twice has the same effect once.
 * @throws StoreError not_admitted, recalled, target_moved, tag_held, closure_incomplete; RegistryError; WorkerError destination_lost
 */
export async function bring(scan: LateScan, late: Late, context: Follower): Promise<void> {
  const { referrers } = context
  const { source, target } = scan
  if (target.remote) await push(scan, late, context)
  else if (source.remote || source.proxy) await copy(scan, late, context)
  await referrers.admit(scan, late)
}

async function push(scan: LateScan, late: Late, context: Follower): Promise<void> {
  const { referrers, registries, tagTimes, signal } = context
  const { repository: there } = await registries.open(scan.target, 'pull,push')
  const { tag, digest, mediaType } = late
  if (tag === '') {
    await referrers.intend(scan, late, { now: null, ...tagTimes })
    await copy(scan, late, context)
    return
  }
  // By its digest alone nobody finds it.
  await copy(scan, late, context)
  const now = (await there.resolve(tag, signal))?.digest ?? null
  const notAfter = Date.now() + tagTimes.leaseMs
  await referrers.intend(scan, late, { now, ...tagTimes })
  if (now === digest) return
  const bytes = await referrers.readManifest(digest)
  if (bytes === null) throw new WorkerError('closure_incomplete', `${digest} is no longer stored`)
  await there.putTag(parseManifest(bytes, mediaType), tag, notAfter, signal)
  const set = (await there.resolve(tag, signal))?.digest ?? null
  if (set === digest) return
  throw new WorkerError(
    'destination_lost',
    `the feed ${scan.target.feed} said that ${tag} is set, and serves ${set ?? 'nothing'} there`,
  )
}

async function copy(scan: LateScan, late: Late, context: Follower): Promise<void> {
  const { referrers, registries, signal } = context
  const { source, target } = scan
  const root = { digest: late.digest, mediaType: late.mediaType }
  const stored = { ...referrers, receive: (blob: StoredBlob) => referrers.receiveBlob(scan, late, blob) }
  const ends = await openEnds({ source, target, closure: [root] }, stored, context)
  await copyGraph({ ...ends, root, signal })
  if (!target.remote) return
  const { repository } = await registries.open(target, 'pull')
  await verifyGraph({ registry: repository, root, signal })
}
