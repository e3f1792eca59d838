import { setMaxListeners } from 'node:events'
import { BlobCheck } from '../client/blob.ts'
import { asRegistryError, RegistryError } from '../client/errors.ts'
import { waitAfter } from '../client/retry.ts'
import type { Repository } from '../client/repository.ts'
import type { ClosureNode } from '../graph.ts'
import { cancelled, isProgress } from './blob.ts'
import { type CopyProgress, ProgressMeter } from './progress.ts'
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
      await look(registry, blob, meter, stop)
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

/** Reads a blob to its end, by range where the connection breaks. */
async function hashBlob(
  registry: Repository,
  blob: ClosureNode,
  meter: ProgressMeter,
  signal: AbortSignal,
): Promise<void> {
  const { digest, size } = blob
  const what = `the blob ${digest} at ${registry.registry.host}/${registry.name}`
  const check = new BlobCheck(digest, size, what)
  const { limits } = registry.registry
  for (let failures = 0; ; ) {
    const before = check.seen
    try {
      const { answer, from } = await registry.openBlob(digest, size, before, signal)
      await drain(answer.body, from, check, limits, what, (seen) => meter.reach(digest, seen))
      return check.end()
    } catch (error) {
      if (signal.aborted) throw cancelled(digest, signal)
      failures = isProgress(before, check.seen, size) ? 1 : failures + 1
      await waitAfter(asRegistryError(error, what), failures, limits, signal)
    }
  }
}

function drain(
  body: NodeJS.ReadableStream & { destroy(error?: Error): unknown },
  from: number,
  check: BlobCheck,
  limits: { stallMs: number; slowBytesPerSecond: number },
  what: string,
  onBytes: (seen: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let position = from
    let last = from
    const watch = setInterval(() => {
      const least = (limits.slowBytesPerSecond * limits.stallMs) / 1000
      if (position - last < least)
        fail(new RegistryError('timeout', `${what}: the registry sends too slowly or hangs`))
      last = position
    }, limits.stallMs)
    const fail = (error: Error): void => {
      clearInterval(watch)
      reject(error)
      body.destroy()
    }
    body.on('data', (chunk: Buffer) => {
      const known = Math.max(0, check.seen - position)
      position += chunk.length
      try {
        if (known < chunk.length) check.update(known > 0 ? chunk.subarray(known) : chunk)
        onBytes(check.seen)
      } catch (error) {
        fail(asRegistryError(error, what))
      }
    })
    body.once('error', fail)
    body.once('end', () => {
      clearInterval(watch)
      resolve()
    })
    body.once('close', () => fail(new RegistryError('connection', `${what}: the connection broke`)))
  })
}
