import { BlobCheck } from '../client/blob.ts'
import { asRegistryError, RegistryError } from '../client/errors.ts'
import type { Repository } from '../client/repository.ts'
import { waitAfter } from '../client/retry.ts'
import type { Answer, Sending } from '../client/transport.ts'
import type { Upload } from '../client/upload.ts'
import type { BlobJob } from './ends.ts'
import { cancelled, isProgress } from './progress.ts'
import { FlowError, pump } from './pump.ts'

type OpenedBlob = Awaited<ReturnType<BlobJob['source']['openBlob']>>

export interface SendJob extends BlobJob {
  readonly destination: Repository
}

/** What came of it, with the bytes that had to be sent a second time. */
export interface BlobSent {
  readonly resumed: number
}

/**
 * Streams one blob from registry to registry: hashed on the way, one request each way, constant memory.
 * A source that breaks is continued by range into the same upload; a destination that breaks is asked
 * how far it got and continued there (PATCH), or begun anew where it forgot. The last bytes are held
 * back until the hash of all is right, so that a wrong blob is never completed.
 * @throws RegistryError
 */
export async function sendBlob(job: SendJob, opened: Upload | null): Promise<BlobSent> {
  const { destination, source, blob, signal } = job
  const check = new BlobCheck(
    blob.digest,
    blob.size,
    `the blob ${blob.digest} of ${source.name}, at ${source.registry.host}`,
  )
  const limits = destination.registry.limits
  const at: { upload: Upload | null } = { upload: opened }
  let failures = 0
  let acknowledged = 0
  let resumed = 0
  for (;;) {
    const before = check.seen
    try {
      await attempt(job, at, check)
      return { resumed }
    } catch (error) {
      const { upload } = at
      const failure = asRegistryError(
        error instanceof Exhausted ? error.cause : error,
        `the blob ${blob.digest}`,
      )
      if (signal.aborted) {
        if (upload !== null) await destination.uploads.cancel(upload)
        throw cancelled(blob.digest, signal)
      }
      failures = isProgress(before, check.seen, blob.size) ? 1 : failures + 1
      if (error instanceof Exhausted) {
        if (upload !== null) await destination.uploads.cancel(upload)
        throw failure
      }
      const anew = worthBeginningAnew(failure, resumed) && failures < limits.attempts
      if (!anew) {
        try {
          await waitAfter(failure, failures, limits, signal)
        } catch (final) {
          if (upload !== null) await destination.uploads.cancel(upload)
          throw final
        }
      }
      const reached = upload === null || anew ? null : await destination.uploads.status(upload, signal)
      // More than was sent cannot be ours.
      at.upload = reached !== null && reached.offset <= check.seen ? reached : null
      if (at.upload === null && upload !== null) await destination.uploads.cancel(upload)
      if (at.upload !== null && isProgress(acknowledged, at.upload.offset, blob.size)) {
        acknowledged = at.upload.offset
        failures = 0
      }
      resumed++
    }
  }
}

/** A lost upload, or one that was continued and came out wrong: what the registry held of it was not ours. */
function worthBeginningAnew(failure: RegistryError, resumed: number): boolean {
  if (failure.code === 'upload_lost') return true
  return failure.code === 'wrong_digest' && failure.status !== null && resumed > 0
}

/** One upload request, from the upload's offset to the end. */
async function attempt(job: SendJob, at: { upload: Upload | null }, check: BlobCheck): Promise<void> {
  const { destination, blob, signal } = job
  const { upload, first } = await openBoth(job, at)
  if (first === null && blob.size > 0) return destination.uploads.finish(upload, blob.digest, signal)
  let sending: Sending
  try {
    sending = await destination.uploads.send(upload, blob, signal)
  } catch (error) {
    first?.answer.body.destroy()
    throw error
  }
  const { request, answer } = sending
  const used = request.getHeader('authorization')
  try {
    if (first === null) {
      check.end()
      request.end()
    } else await fill(job, upload, check, first, sending)
    const settled = await finished(request, answer, destination)
    if (!request.writableEnded && settled.status < 300) {
      throw new RegistryError(
        'bad_response',
        `${destination.registry.host} accepted ${blob.digest} before it had all of it`,
      )
    }
    const authorization = typeof used === 'string' ? used : undefined
    const rest = await destination.uploads.answered(upload, blob.digest, settled, authorization)
    if (rest !== null) await destination.uploads.finish(rest, blob.digest, signal)
  } finally {
    // A connection with half a body on it must not be used again.
    if (!request.writableFinished) request.destroy()
  }
}

/** The upload and the source from where it continues, asked for side by side; no source where no byte is missing. */
async function openBoth({ source, destination, blob, signal }: SendJob, at: { upload: Upload | null }) {
  const from = at.upload?.offset ?? 0
  const [upload, first] = await Promise.allSettled([
    at.upload ?? destination.uploads.start(signal),
    from === blob.size ? null : source.openBlob(blob.digest, blob.size, from, signal),
  ])
  if (upload.status === 'fulfilled') at.upload = upload.value
  if (upload.status === 'fulfilled' && first.status === 'fulfilled')
    return { upload: upload.value, first: first.value }
  if (first.status === 'fulfilled') first.value?.answer.body.destroy()
  throw first.status === 'rejected'
    ? first.reason
    : upload.status === 'rejected'
      ? upload.reason
      : new Error()
}

/** Writes the body, from as many sources as it takes. Returns early when the destination has answered. */
async function fill(
  job: SendJob,
  upload: Upload,
  check: BlobCheck,
  first: OpenedBlob,
  { request, answer }: Sending,
): Promise<void> {
  const { source, destination, blob, signal } = job
  const names = {
    source: `the blob ${blob.digest} of ${source.name}, at ${source.registry.host}`,
    sink: `the blob ${blob.digest} of ${destination.name}, at ${destination.registry.host}`,
  }
  /** The next byte of the blob to be written. */
  let at = upload.offset
  let opened = first
  let failures = 0
  for (;;) {
    let position = opened.from
    const began = at
    const pass = (chunk: Buffer): Buffer => {
      const end = position + chunk.length
      // What was hashed in an earlier attempt is not hashed again; the destination compares it all once more.
      if (end > check.seen)
        check.update(check.seen > position ? chunk.subarray(check.seen - position) : chunk)
      if (end > blob.size)
        throw new RegistryError('wrong_length', `${names.source}: more than ${blob.size} bytes were served`)
      const out = at > position ? chunk.subarray(Math.min(at - position, chunk.length)) : chunk
      position = end
      at = Math.max(at, end)
      job.onBytes(at)
      return out
    }
    const body = opened.answer.body
    try {
      const limits = source.registry.limits
      const flow = {
        source: body,
        sink: request,
        pass,
        limits,
        bandwidth: job.bandwidth,
        answered: answer,
        names,
      }
      const outcome = await pump(flow)
      if (at === blob.size) return void request.end()
      if (outcome === 'answered') return
      throw new FlowError(
        'source',
        new RegistryError('connection', `${names.source}: the body ended early, at byte ${at}`),
      )
    } catch (error) {
      if (signal.aborted || !(error instanceof FlowError) || error.end !== 'source') {
        throw error instanceof FlowError ? error.cause : error
      }
      failures = isProgress(began, at, blob.size) ? 1 : failures + 1
      try {
        await waitAfter(error.cause, failures, source.registry.limits, signal)
        opened = await source.openBlob(blob.digest, blob.size, at, signal)
      } catch (final) {
        throw new Exhausted(final)
      }
    } finally {
      if (!body.readableEnded) body.destroy()
    }
  }
}

/** The answer to the whole body; the registry may take its time to hash and to move it. */
async function finished(
  request: Sending['request'],
  answer: Promise<Answer>,
  destination: Repository,
): Promise<Answer> {
  const { finishMs } = destination.registry.limits
  const timer = setTimeout(() => {
    const text = `${destination.registry.host} took all bytes of a blob and did not answer in ${finishMs} ms`
    request.destroy(new RegistryError('timeout', text))
  }, finishMs)
  try {
    return await answer
  } finally {
    clearTimeout(timer)
  }
}

/** What was tried often enough already, so that the tries around it do not multiply. */
class Exhausted extends Error {
  constructor(cause: unknown) {
    super('tried often enough', { cause })
  }
}
