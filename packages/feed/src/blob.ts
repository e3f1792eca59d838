import { parseDigest } from '@sluice/oci'
import { FeedError, quote } from './errors.ts'
import type { Exchange, FeedParts } from './exchange.ts'
import type { ByteRange, StoredBlob } from './ports.ts'
import { namesEtag, parseRange } from './range.ts'
import { sendEmpty, sendStream } from './reply.ts'

/**
 * GET and HEAD `blobs/<digest>`: whole, in part (206), or not again (304).
 * Distribution specification, "Pulling blobs"; RFC 9110, 13 and 14.
 */
export async function getBlob(parts: FeedParts, { req, res, address, reference }: Exchange): Promise<void> {
  parseDigest(reference)
  const blob = await parts.index.findBlob(address, reference)
  if (blob === null) throw blobUnknown(reference)
  const etag = `"${blob.digest}"`
  const headers = { 'Docker-Content-Digest': blob.digest, ETag: etag, 'Accept-Ranges': 'bytes' }
  if (namesEtag(req.headers['if-none-match'], etag)) return sendEmpty(res, 304, headers)

  const conditional = req.headers['if-range']
  const current = conditional === undefined || namesEtag(String(conditional), etag)
  const asked = current && req.method === 'GET' ? parseRange(req.headers.range, blob.size) : null
  if (asked === 'unsatisfiable') {
    throw new FeedError('SIZE_INVALID', `the range is outside the blob's ${blob.size} bytes`, {
      status: 416,
      headers: { 'Content-Range': `bytes */${blob.size}` },
    })
  }
  const range = asked ?? { start: 0, end: blob.size - 1 }
  const partial = asked && { 'Content-Range': `bytes ${range.start}-${range.end}/${blob.size}` }
  const sendHead = () =>
    res.writeHead(partial ? 206 : 200, {
      ...headers,
      ...partial,
      'Content-Type': 'application/octet-stream',
      'Content-Length': range.end - range.start + 1,
    })

  if (req.method === 'HEAD' || blob.size === 0) {
    sendHead().end()
    return
  }
  // The whole blob or a range: the client asks the bucket for the same again.
  const link = await parts.storage.linkTo?.(blob.storageKey)
  if (link !== undefined) return sendEmpty(res, 307, { ...headers, Location: link })
  const chunks = await openChunks(parts, { address, blob, range })
  sendHead()
  await sendStream(res, chunks, parts.limits.stallMs)
}

/**
 * Waits for the first chunk, so that a blob the storage has lost is a 404 and not a broken 200. Bytes
 * that turn out to be missing later cut the connection. Either way the blob is quarantined.
 */
async function openChunks(
  parts: FeedParts,
  { address, blob, range }: { address: Exchange['address']; blob: StoredBlob; range: ByteRange },
): Promise<AsyncIterable<Uint8Array>> {
  const iterator = parts.storage.read(blob.storageKey, range)[Symbol.asyncIterator]()
  const next = async () => {
    try {
      return await iterator.next()
    } catch (cause) {
      if (cause instanceof FeedError && cause.code === 'BLOB_MISSING') {
        await parts.index.quarantineBlob(blob)
        parts.events.blobMissing?.(address, blob.digest)
      }
      throw cause
    }
  }
  let first: IteratorResult<Uint8Array>
  try {
    first = await next()
  } catch (cause) {
    if (!(cause instanceof FeedError) || cause.code !== 'BLOB_MISSING') throw cause
    throw blobUnknown(blob.digest, cause)
  }
  return (async function* () {
    try {
      for (let step = first; !step.done; step = await next()) yield step.value
    } finally {
      await iterator.return?.()
    }
  })()
}

/** DELETE `blobs/<digest>`. Distribution specification, "Deleting Blobs". */
export async function removeBlob(parts: FeedParts, { res, address, reference }: Exchange): Promise<void> {
  parseDigest(reference)
  if (!(await parts.index.deleteBlob(address, reference))) throw blobUnknown(reference)
  sendEmpty(res, 202)
}

function blobUnknown(digest: string, cause?: unknown): FeedError {
  return new FeedError('BLOB_UNKNOWN', `this repository has no blob ${quote(digest)}`, { cause })
}
