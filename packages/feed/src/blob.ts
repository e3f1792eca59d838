import { parseDigest } from '@sluice/oci'
import { FeedError } from './errors.ts'
import type { Exchange, FeedParts } from './exchange.ts'
import type { ByteRange, StoredBlob } from './ports.ts'
import { getUpstreamBlob } from './proxy/blob.ts'
import { blobUnknown } from './proxy/fetches.ts'
import { planBlob } from './range.ts'
import { sendEmpty, sendStream } from './reply.ts'

/**
 * GET and HEAD `blobs/<digest>`: whole, in part (206), or not again (304).
 * Distribution specification, "Pulling blobs"; RFC 9110, 13 and 14.
 */
export async function getBlob(parts: FeedParts, exchange: Exchange): Promise<void> {
  const { address, reference } = exchange
  parseDigest(reference)
  let blob = await parts.index.findBlob(address, reference)
  if (blob === null && parts.proxy !== null && address.feed.upstream) {
    if (!(await getUpstreamBlob(parts, parts.proxy, exchange))) return
    blob = await parts.index.findBlob(address, reference)
  }
  if (blob === null) throw blobUnknown(reference)
  await sendBlob(parts, exchange, blob)
}

async function sendBlob(parts: FeedParts, { req, res, address }: Exchange, blob: StoredBlob): Promise<void> {
  const { status, entity, headers, range } = planBlob(req, blob)
  if (status === 304) return sendEmpty(res, 304, headers)
  if (req.method === 'HEAD' || blob.size === 0) {
    res.writeHead(status, headers).end()
    return
  }
  // The whole blob or a range: the client asks the bucket for the same again.
  const link = await parts.storage.linkTo?.(blob.storageKey)
  if (link !== undefined) return sendEmpty(res, 307, { ...entity, Location: link })
  const chunks = await openChunks(parts, { address, blob, range })
  res.writeHead(status, headers)
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
