import type { Exchange, FeedParts } from '../exchange.ts'
import { planBlob } from '../range.ts'
import { sendEmpty, sendStream } from '../reply.ts'
import { asAnswer } from './failure.ts'
import type { BlobFetch } from './fetch.ts'
import { blobUnknown } from './fetches.ts'
import { upstreamOf } from './place.ts'
import type { Proxy } from './proxy.ts'

/**
 * GET and HEAD of a blob that a proxy feed does not keep yet: handed on while it comes, whole or in part. A part waits
 * until the fetch of the whole has come to it, since bytes can only be checked together. True when it is kept by now,
 * so that the caller serves it.
 */
export async function getUpstreamBlob(parts: FeedParts, proxy: Proxy, exchange: Exchange): Promise<boolean> {
  const { req, res, address, reference: digest } = exchange
  if (req.method === 'HEAD') {
    const size = await proxy.fetches.sizeOf(address, digest)
    if (size === null) throw blobUnknown(digest)
    const { status, headers } = planBlob(req, { digest, size })
    if (status === 304) sendEmpty(res, 304, headers)
    else res.writeHead(status, headers).end()
    return false
  }
  const fetch = await proxy.fetches.join(address, digest)
  if (fetch === null) throw blobUnknown(digest)
  if (fetch === 'here') return true
  try {
    await handOn(parts, exchange, fetch)
  } catch (error) {
    throw asAnswer(error, upstreamOf(address.feed))
  } finally {
    proxy.fetches.leave(address, fetch)
  }
  return false
}

async function handOn({ limits }: FeedParts, { req, res }: Exchange, fetch: BlobFetch): Promise<void> {
  const { status, headers, range } = planBlob(req, fetch)
  if (status === 304) return sendEmpty(res, 304, headers)
  // A failure until here is an answer of its own, and not a body that breaks.
  await fetch.reach(range.start)
  res.writeHead(status, headers)
  await sendStream(res, fetch.read(range), limits.stallMs)
}
