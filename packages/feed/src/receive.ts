import type { Algorithm } from '@sluice/oci'
import { createHasher, giveBack } from '@sluice/oci'
import { announcedLength, openBody } from './body.ts'
import { FeedError, overQuota } from './errors.ts'
import type { Exchange, FeedParts } from './exchange.ts'
import type { Hashed, Upload, UploadClaim } from './ports.ts'

interface Writing {
  readonly upload: Upload
  readonly claim: UploadClaim
  /** Bytes that the Content-Range promised; a body of another length is not kept. */
  readonly length: number | null
  /** Null: whatever was begun, sha256 at first. */
  readonly algorithm: Algorithm | null
}

export interface Received {
  /** What the storage now holds, also when the client left half-way. */
  readonly offset: number
  /** What that hashes to; null when the first of it came to another process. */
  readonly hashed: Hashed | null
  readonly aborted: boolean
  readonly error: unknown
}

/**
 * Streams a body into the storage at the upload's offset, hashing while the disk writes, and keeps
 * the lease meanwhile. Never throws: the caller has to release its claim at `offset` in any case.
 */
export async function receive(parts: FeedParts, { req }: Exchange, writing: Writing): Promise<Received> {
  const { upload, claim, length, algorithm } = writing
  const { storage, limits, hashes } = parts
  const room = Math.min(limits.blobBytes, roomOf(upload)) - upload.offset
  if ((announcedLength(req) ?? 0) > room)
    return { offset: upload.offset, hashed: null, aborted: false, error: tooLarge(parts, upload) }

  const body = openBody(req, room, limits.stallMs)
  const hash = hashes.take(upload.id, upload.offset, algorithm)
  const lease = keepLease(parts, claim, body.stop)
  async function* hashing() {
    for await (const chunk of body.chunks) {
      // A process that was stopped for longer than its lease must not write where another one does now.
      if (lease.isOver()) {
        body.stop()
        continue
      }
      hash?.hasher.update(chunk)
      yield chunk
    }
  }
  try {
    const offset = await storage.append(upload.storageKey, upload.offset, hashing(), giveBack)
    if (length !== null && body.end() === 'complete' && offset !== upload.offset + length) {
      return {
        offset: upload.offset,
        hashed: null,
        aborted: false,
        error: sizeInvalid(offset - upload.offset, length),
      }
    }
    if (hash !== null) hashes.keep(upload.id, { ...hash, offset })
    const hashed = hash && { digest: hash.hasher.digestSoFar(), by: hashes.life }
    const end = body.end()
    const error = end === 'too-large' ? tooLarge(parts, upload) : end === 'stopped' ? leaseLost() : null
    return { offset, hashed, aborted: end === 'aborted', error }
  } catch (cause) {
    return { offset: upload.offset, hashed: null, aborted: false, error: uploadError(cause) }
  } finally {
    lease.leave()
  }
}

/** What the storage says of an upload, in the words of the protocol. */
function uploadError(cause: unknown): unknown {
  if (!(cause instanceof FeedError)) return cause
  if (cause.code === 'BLOB_MISSING') return new FeedError('BLOB_UPLOAD_UNKNOWN', cause.message, { cause })
  return cause.code === 'UPLOAD_BUSY' ? leaseLost(cause) : cause
}

function keepLease({ index, limits: { leaseMs } }: FeedParts, claim: UploadClaim, lost: () => void) {
  let end = performance.now() + leaseMs
  const renew = async () => {
    const asked = performance.now()
    if (await index.renewUpload(claim, leaseMs)) end = asked + leaseMs
    else lost()
  }
  // One renewal that fails is no loss yet: two more fit into the lease, and `advanceUpload` decides.
  const timer = setInterval(() => void renew().catch(() => {}), leaseMs / 3)
  return { isOver: () => performance.now() > end, leave: () => clearInterval(timer) }
}

/** The digest of the upload's first `size` bytes: from the running hash, or what another process found, else read again. */
export async function digestOfUpload(
  { hashes, storage, index, limits }: FeedParts,
  {
    upload,
    claim,
    size,
    algorithm,
  }: { upload: Upload; claim: UploadClaim; size: number; algorithm: Algorithm },
): Promise<string> {
  const running = hashes.take(upload.id, size, algorithm)
  if (running !== null) return running.hasher.digest()
  const { offset, hashed } = upload
  // Another process of this life received them all, and hashed what it received.
  if (hashed?.by === hashes.life && offset === size && hashed.digest.startsWith(`${algorithm}:`)) {
    return hashed.digest
  }
  const hasher = createHasher(algorithm)
  let renewAt = Date.now() + limits.leaseMs / 3
  for await (const chunk of storage.readUnsealed(upload.storageKey, size)) {
    hasher.update(chunk)
    if (Date.now() < renewAt) continue
    if (!(await index.renewUpload(claim, limits.leaseMs))) throw leaseLost()
    renewAt = Date.now() + limits.leaseMs / 3
  }
  return hasher.digest()
}

export function leaseLost(cause?: unknown): FeedError {
  return new FeedError(
    'BLOB_UPLOAD_INVALID',
    'another request has taken this upload over; ask for its state',
    {
      status: 416,
      cause,
    },
  )
}

function sizeInvalid(received: number, promised: number): FeedError {
  return new FeedError('SIZE_INVALID', `${received} bytes came, and the Content-Range promised ${promised}`)
}

/** What the feed has left for one upload, in bytes, were it to end now. */
const roomOf = ({ quota }: Upload): number =>
  quota === undefined ? Number.POSITIVE_INFINITY : Math.max(quota.quota - quota.used, 0)

function tooLarge({ limits }: FeedParts, upload: Upload): FeedError {
  if (upload.quota !== undefined && roomOf(upload) < limits.blobBytes) {
    return overQuota(upload.quota, { status: 413 })
  }
  return new FeedError('SIZE_INVALID', `a blob may have ${limits.blobBytes} bytes at most`, { status: 413 })
}
