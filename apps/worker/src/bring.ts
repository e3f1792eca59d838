import {
  copyGraph,
  type CopySource,
  parseDigest,
  parseManifest,
  RegistryError,
  type Repository,
  verifyGraph,
} from '@sluice/oci'
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
  const { tag, digest, mediaType, intended } = late
  // Where an earlier scan has brought all of it, its source is not needed.
  const whole = intended && (await isWhole(there, late, signal))
  if (!whole) await referrers.refuseRecalled(scan, late)
  if (tag === '') {
    if (!intended) await referrers.intend(scan, late, { now: null, ...tagTimes })
    if (!whole) await copy(scan, late, context)
    return
  }
  const served = async () => (await there.resolve(tag, signal, digest))?.digest ?? null
  if (whole && (await served()) === digest) return
  // By its digest alone nobody finds it.
  if (!whole) await copy(scan, late, context)
  const now = await served()
  const notAfter = Date.now() + tagTimes.leaseMs
  await referrers.intend(scan, late, { now, ...tagTimes })
  if (now === digest) return
  const bytes = await referrers.readManifest(digest)
  if (bytes === null) throw new WorkerError('closure_incomplete', `${digest} is no longer stored`)
  await there.putTag(parseManifest(bytes, mediaType), { tag, digest }, notAfter, signal)
  const set = await there.hashServed(tag, parseDigest(digest).algorithm, signal)
  if (set === digest) return
  throw new WorkerError(
    'destination_lost',
    `the feed ${scan.target.feed} said that ${tag} is set, and serves ${set ?? 'nothing'} there`,
  )
}

/** All of it is there under its digest, read and hashed; what the registry lost is sent again. */
async function isWhole(
  there: Repository,
  { digest, mediaType }: Late,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await verifyGraph({ registry: there, root: { digest, mediaType }, signal })
    return true
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error
    return false
  }
}

async function copy(scan: LateScan, late: Late, context: Follower): Promise<void> {
  const { referrers, registries, signal } = context
  const { target, sourceGone } = scan
  const root = { digest: late.digest, mediaType: late.mediaType }
  // Of a feed that was deleted, only what the target and our own storage have is left.
  const source = sourceGone ? { ...scan.source, remote: false, proxy: false } : scan.source
  const stored = { ...referrers, receive: (blob: StoredBlob) => referrers.receiveBlob(scan, late, blob) }
  const ends = await openEnds({ source, target, closure: [root] }, stored, context)
  await copyGraph({ ...ends, source: asObserved(ends.source, scan, late, context), root, signal })
  if (!target.remote) return
  const { repository } = await registries.open(target, 'pull')
  await verifyGraph({ registry: repository, root, signal })
}

/** The source with the manifest as it was observed there: it may have another by now, or none. */
function asObserved(
  source: CopySource,
  scan: LateScan,
  { digest, mediaType }: Late,
  { referrers }: Follower,
): CopySource {
  const { name, registry } = source
  return {
    name,
    registry,
    async getManifest(wanted, signal) {
      const bytes = wanted === digest ? await referrers.readManifest(digest) : null
      return bytes === null ? source.getManifest(wanted, signal) : parseManifest(bytes, mediaType)
    },
    async openBlob(blob, size, from, signal) {
      try {
        return await source.openBlob(blob, size, from, signal)
      } catch (error) {
        if (!scan.sourceGone || !(error instanceof RegistryError) || error.code !== 'not_found') throw error
        const { feed } = scan.source
        const told = `the feed ${feed} was deleted before the target had the blob ${blob}; push that to the target`
        throw new RegistryError('not_found', told, { cause: error })
      }
    },
  }
}
