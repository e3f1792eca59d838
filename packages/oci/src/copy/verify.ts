import { setMaxListeners } from 'node:events'
import { RegistryError } from '../client/errors.ts'
import type { Repository } from '../client/repository.ts'
import type { ClosureNode } from '../graph.ts'
import { cancelled, type CopyProgress, ProgressMeter } from './progress.ts'
import { readBlob } from './read.ts'
import { forEach, Slots } from './slots.ts'
import { readTree } from './tree.ts'

export interface VerifyOptions {
  readonly registry: Repository
  readonly root: { readonly digest: string; readonly mediaType: string }
  readonly closure?: readonly ClosureNode[]
  /** `hash` reads every byte; `size` asks for lengths only, where the store checks its bytes itself. */
  readonly blobs?: 'hash' | 'size'
  readonly concurrency?: number
  readonly onProgress?: (progress: CopyProgress) => void
  readonly signal?: AbortSignal
}

export interface Verified {
  readonly root: string
  readonly manifests: number
  readonly blobs: number
  /** Of blobs; with `blobs: 'hash'` each was read. */
  readonly bytes: number
}

/**
 * Walks what a repository serves under a digest, and reads and hashes all of it, whatever a copy believed.
 * @throws RegistryError not_found, wrong_digest, wrong_length, closure_differs …; OciError for a malformed image
 */
export async function verifyGraph(options: VerifyOptions): Promise<Verified> {
  const { registry, root, closure, signal } = options
  if (signal !== undefined) setMaxListeners(0, signal)
  const meter = new ProgressMeter(options.onProgress)
  try {
    const { blobs, levels } = await readTree(registry, root, { closure, signal })
    meter.expect(blobs)
    const look = options.blobs === 'size' ? checkSize : hashBlob
    await forEach(blobs, new Slots(options.concurrency ?? 4), signal, async (blob, stop) => {
      await look(registry, blob, meter, stop).catch((error: unknown) => {
        throw about(error, blob.digest)
      })
      meter.finish(blob)
    })
    meter.flush()
    const bytes = blobs.reduce((sum, { size }) => sum + size, 0)
    return { root: root.digest, manifests: levels.flat().length, blobs: blobs.length, bytes }
  } catch (error) {
    if (signal?.aborted === true) throw cancelled(root.digest, signal)
    throw error
  }
}

/** The same error, with the blob that it is about. */
function about(error: unknown, blob: string): unknown {
  if (!(error instanceof RegistryError)) return error
  const { code, message, cause, status, retryAfterMs } = error
  return new RegistryError(code, message, {
    cause,
    blob,
    ...(status !== null && { status }),
    ...(retryAfterMs !== null && { retryAfterMs }),
  })
}

async function checkSize(
  registry: Repository,
  blob: ClosureNode,
  _meter: ProgressMeter,
  signal: AbortSignal,
): Promise<void> {
  const size = await registry.headBlob(blob.digest, signal)
  const place = `${registry.registry.host}/${registry.name}`
  if (size === null)
    throw new RegistryError('not_found', `${place} does not have the blob ${blob.digest}; copy it again`)
  if (size !== blob.size) {
    throw new RegistryError(
      'wrong_length',
      `${place} has ${size} bytes for the blob ${blob.digest} of ${blob.size}`,
    )
  }
}

/** Reads a blob to its end. */
async function hashBlob(
  registry: Repository,
  blob: ClosureNode,
  meter: ProgressMeter,
  signal: AbortSignal,
): Promise<void> {
  const onBytes = (seen: number): void => meter.reach(blob.digest, seen)
  const bytes = readBlob({ source: registry, blob, bandwidth: undefined, onBytes, signal })
  while ((await bytes.next()).done !== true);
}
