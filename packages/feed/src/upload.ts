import { parseDigest } from '@sluice/oci'
import { announcedLength, hasBody } from './body.ts'
import { hideDamaged } from './damage.ts'
import { FeedError, quote } from './errors.ts'
import { type Exchange, type FeedParts, writerOf } from './exchange.ts'
import { mountBlob } from './mount.ts'
import type { Hashed, Upload, UploadClaim } from './ports.ts'
import { digestOfUpload, receive } from './receive.ts'
import { sendEmpty } from './reply.ts'
import { newStorageKey } from './storage/key.ts'

/**
 * POST `blobs/uploads/`: mounts (`?mount=`), takes a whole blob (`?digest=`), or opens a session.
 * A blob that cannot be mounted becomes a session, never a refusal: containerd gives up on a 403.
 * Distribution specification, "Pushing blobs", "Mounting a blob from another repository".
 */
export async function openUpload(parts: FeedParts, exchange: Exchange): Promise<void> {
  const { address, query, res } = exchange
  const mount = query.get('mount')
  if (mount !== null) {
    parseDigest(mount)
    if (await mountBlob(parts, exchange, mount)) return created(exchange, mount)
  }
  const digest = mount === null ? query.get('digest') : null
  if (digest !== null) parseDigest(digest)
  const algorithm = query.get('digest-algorithm')
  if (algorithm !== null && algorithm !== 'sha256' && algorithm !== 'sha512') {
    throw new FeedError(
      'DIGEST_INVALID',
      `the digest algorithm ${quote(algorithm)} is not supported; use sha256 or sha512`,
    )
  }
  const upload = await parts.index.openUpload(address, newStorageKey(), writerOf(exchange))
  if (digest !== null) return await takeWhole(parts, exchange, { upload, digest })
  const hash = parts.hashes.take(upload.id, 0, algorithm)
  if (hash !== null) parts.hashes.keep(upload.id, hash)
  sendEmpty(res, 202, sessionHeaders(exchange, upload))
}

/** The session behind a one-request upload is known to nobody, so nothing of it may stay. */
async function takeWhole(
  parts: FeedParts,
  exchange: Exchange,
  { upload, digest }: { upload: Upload; digest: string },
): Promise<void> {
  let done = false
  try {
    done = await close(parts, exchange, { upload, digest, length: null })
  } finally {
    if (!done) await cancel(parts, exchange, upload.id)
  }
}

/** GET `<location>`: how far the upload is. Distribution specification, "Pushing a blob in chunks". */
export async function showUpload(parts: FeedParts, exchange: Exchange): Promise<void> {
  const upload = await findUpload(parts, exchange)
  sendEmpty(exchange.res, 204, sessionHeaders(exchange, upload))
}

/** PATCH `<location>`: one chunk, or a stream of unknown length, at the current offset only. */
export async function appendUpload(parts: FeedParts, exchange: Exchange): Promise<void> {
  const upload = await findUpload(parts, exchange)
  const length = chunkLength(exchange, upload)
  const claim = await claimAt(parts, exchange, upload)
  const received = await receive(parts, exchange, { upload, claim, length, algorithm: null })
  const kept = await release(parts, exchange, { claim, ...received })
  // Another writer may have put other bytes where ours were hashed.
  if (!kept) parts.hashes.forget(upload.id)
  if (received.error !== null) throw received.error
  if (received.aborted) return
  if (!kept) throw uploadUnknown(upload.id)
  sendEmpty(exchange.res, 202, sessionHeaders(exchange, { id: upload.id, offset: received.offset }))
}

/** PUT `<location>?digest=`: the last chunk, if any, and the end. A wrong digest leaves the session open. */
export async function closeUpload(parts: FeedParts, exchange: Exchange): Promise<void> {
  const digest = exchange.query.get('digest')
  if (digest === null) {
    throw new FeedError('DIGEST_INVALID', 'the parameter digest is missing; it names the whole blob')
  }
  parseDigest(digest)
  const upload = await findUpload(parts, exchange)
  await close(parts, exchange, { upload, digest, length: chunkLength(exchange, upload) })
}

/** Receives what is left, compares digests, seals, links. True when the blob is in the repository. */
async function close(
  parts: FeedParts,
  exchange: Exchange,
  { upload, digest, length }: { upload: Upload; digest: string; length: number | null },
): Promise<boolean> {
  const { index, storage, hashes, events } = parts
  const { algorithm } = parseDigest(digest)
  const claim = await claimAt(parts, exchange, upload)
  let size = upload.offset
  let finished = false
  let error: unknown = null
  let left: string | null = null
  try {
    if (hasBody(exchange.req)) {
      const received = await receive(parts, exchange, { upload, claim, length, algorithm })
      size = received.offset
      if (received.error !== null) throw received.error
      if (received.aborted) return false
    }
    const actual = await digestOfUpload(parts, { upload, claim, size, algorithm })
    if (actual !== digest) {
      throw new FeedError(
        'DIGEST_INVALID',
        `the ${size} bytes received have the digest ${actual}, not ${digest}`,
      )
    }
    await storage.seal(upload.storageKey, size)
    await hideDamaged(parts, { address: exchange.address, digest, claim })
    const { superfluous } = await index.finishUpload(claim, { digest, size, storageKey: upload.storageKey })
    finished = true
    left = superfluous
  } catch (thrown) {
    error = thrown
    throw thrown
  } finally {
    if (!finished) await release(parts, exchange, { claim, offset: size, hashed: null, error })
    hashes.forget(upload.id)
  }
  created(exchange, digest)
  // Only now: the answer must not take longer where the bytes were stored already. What stays is an orphan.
  if (left !== null) await storage.remove(left).catch((error) => events.failed?.(error, exchange.req))
  return true
}

interface Left {
  readonly claim: UploadClaim
  readonly offset: number
  readonly hashed: Hashed | null
  /** Why the request ends here; null: it took what came. */
  readonly error: unknown
}

/**
 * Records how far an upload is; false when another writer took it over. One that its feed has no room for ends, and its
 * bytes go: clients begin another one, and would leave this one to fill the feed. @throws FeedError DENIED
 */
async function release(parts: FeedParts, exchange: Exchange, left: Left): Promise<boolean> {
  const { claim, offset, hashed, error } = left
  const { index, hashes } = parts
  const end = () => cancel(parts, exchange, claim.uploadId)
  if (isDenied(error)) {
    await end()
    return false
  }
  try {
    return await index.advanceUpload(claim, offset, hashed)
  } catch (refused) {
    hashes.forget(claim.uploadId)
    if (isDenied(refused)) await end()
    throw refused
  }
}

const isDenied = (error: unknown): boolean => error instanceof FeedError && error.code === 'DENIED'

/** DELETE `<location>`. Distribution specification, "Cancel a blob upload". */
export async function cancelUpload(parts: FeedParts, exchange: Exchange): Promise<void> {
  const upload = await findUpload(parts, exchange)
  await cancel(parts, exchange, upload.id)
  sendEmpty(exchange.res, 204)
}

async function cancel({ index, storage, hashes }: FeedParts, exchange: Exchange, id: string): Promise<void> {
  const left = await index.cancelUpload(exchange.address, id, writerOf(exchange))
  hashes.forget(id)
  if (left !== null) await storage.remove(left)
}

/** Another's upload, or one of another repository, is as unknown as one that never was. */
async function findUpload({ index }: Pick<FeedParts, 'index'>, exchange: Exchange): Promise<Upload> {
  const { address, reference } = exchange
  const isId = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(reference)
  const upload = isId ? await index.findUpload(address, reference, writerOf(exchange)) : null
  if (upload === null) throw uploadUnknown(reference)
  return upload
}

/**
 * The length that `Content-Range: <first>-<last>` promises; null without one. It must begin where the
 * upload stands, and agree with the Content-Length.
 */
function chunkLength(exchange: Exchange, upload: Upload): number | null {
  const header = exchange.req.headers['content-range']
  if (header === undefined) return null
  const match = /^(\d{1,15})-(\d{1,15})$/.exec(header)
  if (match === null) {
    throw new FeedError('BLOB_UPLOAD_INVALID', `the Content-Range ${quote(header)} is not <first>-<last>`)
  }
  const [first, last] = [Number(match[1]), Number(match[2])]
  if (first !== upload.offset) throw outOfOrder(exchange, upload, `a chunk from byte ${first}`)
  const length = last - first + 1
  const announced = announcedLength(exchange.req)
  if (length > 0 && (announced === null || announced === length)) return length
  throw new FeedError(
    'SIZE_INVALID',
    `the Content-Range ${header} does not fit the Content-Length ${announced}`,
  )
}

async function claimAt(
  { index, limits }: FeedParts,
  exchange: Exchange,
  upload: Upload,
): Promise<UploadClaim> {
  const claim = await index.claimUpload(upload.id, upload.offset, limits.leaseMs)
  if (claim !== null) return claim
  const now = await findUpload({ index }, exchange)
  throw outOfOrder(exchange, now, 'a chunk while another request writes this upload')
}

function outOfOrder(exchange: Exchange, upload: Upload, what: string): FeedError {
  return new FeedError(
    'BLOB_UPLOAD_INVALID',
    `${what} was refused; the next one starts at byte ${upload.offset}`,
    { status: 416, headers: sessionHeaders(exchange, upload) },
  )
}

/** `Range: 0-<end>`, where docker wants two numbers always: a fresh session has 0-0. */
function sessionHeaders({ name }: Exchange, { id, offset }: Pick<Upload, 'id' | 'offset'>) {
  return {
    Location: `/v2/${name}/blobs/uploads/${id}`,
    Range: `0-${Math.max(offset - 1, 0)}`,
    'Docker-Upload-UUID': id,
  }
}

function created({ res, name }: Exchange, digest: string): void {
  sendEmpty(res, 201, { Location: `/v2/${name}/blobs/${digest}`, 'Docker-Content-Digest': digest })
}

function uploadUnknown(id: string): FeedError {
  return new FeedError('BLOB_UPLOAD_UNKNOWN', `there is no upload ${quote(id)} of yours in this repository`)
}
