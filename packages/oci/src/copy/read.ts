import { BlobCheck } from '../client/blob.ts'
import { asRegistryError, RegistryError } from '../client/errors.ts'
import { waitAfter } from '../client/retry.ts'
import type { BlobJob } from './ends.ts'
import { cancelled, isProgress } from './progress.ts'

/**
 * The bytes of a blob, each once and in order, hashed as they pass and continued by range where the connection breaks.
 * The last of them come only when the hash of all is right. A chunk may be kept, or given back.
 * @throws RegistryError wrong_digest, wrong_length, timeout, cancelled …
 */
export async function* readBlob(job: BlobJob): AsyncGenerator<Buffer> {
  const { source, blob, signal, bandwidth } = job
  const what = `the blob ${blob.digest} of ${source.name}, at ${source.registry.host}`
  const check = new BlobCheck(blob.digest, blob.size, what)
  const { limits } = source.registry
  for (let failures = 0; ; ) {
    const before = check.seen
    try {
      for await (const chunk of oneBody(job, check, what)) {
        // Whoever takes it may give its memory back.
        const { length } = chunk
        yield chunk
        const wait = bandwidth?.take(length) ?? 0
        if (wait > 0) await pause(wait, signal)
      }
      return check.end()
    } catch (error) {
      if (signal.aborted) throw cancelled(blob.digest, signal)
      failures = isProgress(before, check.seen, blob.size) ? 1 : failures + 1
      await waitAfter(asRegistryError(error, what), failures, limits, signal)
    }
  }
}

/** What one answer brings, without what an earlier one brought. */
async function* oneBody(
  { source, blob, onBytes, signal }: BlobJob,
  check: BlobCheck,
  what: string,
): AsyncGenerator<Buffer> {
  const { answer, from } = await source.openBlob(blob.digest, blob.size, check.seen, signal)
  const { body } = answer
  const { slowBytesPerSecond, stallMs } = source.registry.limits
  let position = from
  let last = from
  // Whoever takes the bytes may be slow too; only the time spent waiting for the source counts.
  let given = 0
  let held = 0
  let windowStart = performance.now()
  const watch = setInterval(() => {
    const now = performance.now()
    const waited = now - windowStart - held - (given > 0 ? now - Math.max(given, windowStart) : 0)
    if (waited > stallMs / 2 && position - last < (slowBytesPerSecond * waited) / 1000) {
      body.destroy(new RegistryError('timeout', `${what}: the registry sends too slowly or hangs`))
    }
    last = position
    held = 0
    windowStart = now
  }, stallMs)
  try {
    for await (const chunk of body) {
      if (!Buffer.isBuffer(chunk)) continue
      const known = Math.max(0, check.seen - position)
      position += chunk.length
      if (known >= chunk.length) continue
      const fresh = known > 0 ? chunk.subarray(known) : chunk
      check.update(fresh)
      onBytes(check.seen)
      given = performance.now()
      yield fresh
      held += performance.now() - Math.max(given, windowStart)
      given = 0
    }
  } finally {
    clearInterval(watch)
    body.destroy()
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal.addEventListener('abort', stop, { once: true })
  })
}
