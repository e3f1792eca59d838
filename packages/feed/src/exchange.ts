import type { IncomingMessage, ServerResponse } from 'node:http'
import { FeedError } from './errors.ts'
import type { BlobStorage, Caller, FeedIndex, RepositoryAddress } from './ports.ts'
import type { Proxy } from './proxy/proxy.ts'
import type { RunningHashes } from './running-hashes.ts'

/** What the server refuses to exceed. Bytes and milliseconds. */
export interface Limits {
  /** Of one manifest. The specification expects at least 4 MB. */
  readonly manifestBytes: number
  /** Of one blob, whatever the client announced. */
  readonly blobBytes: number
  /** Names in one page of tags or repositories. */
  readonly page: number
  /** Descriptors in one page of referrers. */
  readonly referrers: number
  /** A connection that moves no byte for so long is closed. */
  readonly stallMs: number
  /** A writer that does not renew loses its upload after this; it renews three times as often. */
  readonly leaseMs: number
  /** An upstream that has not answered about a tag, a manifest or a list in this time is not waited for. */
  readonly upstreamMs: number
}

export const DEFAULT_LIMITS: Limits = {
  manifestBytes: 4 * 1024 * 1024,
  blobBytes: 128 * 1024 ** 3,
  page: 10_000,
  referrers: 500,
  stallMs: 60_000,
  leaseMs: 30_000,
  upstreamMs: 15_000,
}

/** What an operator must hear of: the client only gets a status. */
export interface FeedEvents {
  /** Something of ours broke; the client was answered 500, or cut off when bytes had been sent. */
  failed?(error: unknown, req: IncomingMessage): void
  /** The storage lacks bytes that the index has, or has others: the blob is quarantined until it is pushed again. */
  blobMissing?(address: RepositoryAddress, digest: string): void
  /** An upstream did not give what it should: clients were answered 5xx, or cut off. */
  upstreamFailed?(address: RepositoryAddress, error: unknown): void
}

/** What every handler works with. */
export interface FeedParts {
  readonly index: FeedIndex
  readonly storage: BlobStorage
  readonly limits: Limits
  readonly events: FeedEvents
  readonly hashes: RunningHashes
  /** Null: there are no proxy feeds. */
  readonly proxy: Proxy | null
}

/** One request to one repository, its right already checked. */
export interface Exchange {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly query: URLSearchParams
  readonly caller: Caller
  readonly address: RepositoryAddress
  /** `feed/repository` as the client wrote it: answers name what was asked, former feed names too. */
  readonly name: string
  /** The path's last part: a tag, a digest or an upload id, not yet checked. */
  readonly reference: string
}

/** Who writes. The server asks every writer to sign in before a handler runs. */
export function writerOf({ caller }: Pick<Exchange, 'caller'>): string {
  if (caller.principalId !== null) return caller.principalId
  throw new FeedError('UNAUTHORIZED', 'nobody writes without signing in')
}

export type Handler = (parts: FeedParts, exchange: Exchange) => Promise<void>
