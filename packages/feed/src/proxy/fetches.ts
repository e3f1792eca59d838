import { RegistryError, type Repository, Slots } from '@sluice/oci'
import { FeedError, quote } from '../errors.ts'
import type { Limits } from '../exchange.ts'
import type { BlobStorage, FeedIndex, RepositoryAddress, Upstreams } from '../ports.ts'
import type { Contacts } from './contacts.ts'
import { asAnswer } from './failure.ts'
import { BlobFetch } from './fetch.ts'
import { placeKey, upstreamOf } from './place.ts'
import { Shared } from './shared.ts'

/** Fetches that run at once in one process: each holds a batch of some megabytes. The others wait. */
const AT_ONCE = 16

interface FetchesParts {
  readonly index: FeedIndex
  readonly storage: BlobStorage
  readonly limits: Limits
  readonly upstreams: Upstreams
  readonly contacts: Contacts
  /** An operator should hear of it: wrong bytes, a storage that is full. */
  readonly failed: (error: unknown, address: RepositoryAddress) => void
}

/** The blobs that are on their way, one fetch each: whoever asks for one that comes already, joins it. */
export class Fetches {
  readonly #parts: FetchesParts
  readonly #running = new Map<string, BlobFetch>()
  readonly #starting = new Shared<BlobFetch | 'here' | null>()
  readonly #slots = new Slots(AT_ONCE)

  constructor(parts: FetchesParts) {
    this.#parts = parts
  }

  /**
   * Size of a blob upstream, in bytes, for who only asks; null: it has none, or it was purged.
   * @throws FeedError DENIED …, UpstreamError
   */
  async sizeOf(address: RepositoryAddress, digest: string): Promise<number | null> {
    const running = this.#running.get(placeKey(address, digest))
    if (running !== undefined) return running.size
    if (await this.#parts.index.wasPurged(digest)) return null
    return this.#ask(address, (repository) => this.#head(repository, digest))
  }

  /**
   * The blob as it comes; `here`: the index has it by now; null: the upstream has none, or it was purged. Who gets a fetch has joined it,
   * and leaves it. @throws FeedError DENIED, SIZE_INVALID …; UpstreamError
   */
  async join(address: RepositoryAddress, digest: string): Promise<BlobFetch | 'here' | null> {
    const key = placeKey(address, digest)
    const found =
      this.#running.get(key) ?? (await this.#starting.once(key, () => this.#start(key, address, digest)))
    if (found instanceof BlobFetch) found.join()
    return found
  }

  /** When nobody is left, a fetch may be given up: the next one who asks begins another. */
  leave(address: RepositoryAddress, fetch: BlobFetch): void {
    if (fetch.leave()) return
    const key = placeKey(address, fetch.digest)
    if (this.#running.get(key) === fetch) this.#running.delete(key)
  }

  async #start(key: string, address: RepositoryAddress, digest: string): Promise<BlobFetch | 'here' | null> {
    const { index, storage, limits, upstreams, failed } = this.#parts
    if (await index.wasPurged(digest)) return null
    const size = await this.#ask(address, (repository) => this.#head(repository, digest))
    if (size === null) return null
    if (size > limits.blobBytes) {
      throw new FeedError(
        'SIZE_INVALID',
        `the blob has ${size} bytes, and may have ${limits.blobBytes} at most`,
        {
          status: 413,
        },
      )
    }
    // The upstream has it in this repository, and all that is kept of this feed is for the same callers.
    if (await index.mountBlob(address, digest, { kind: 'anywhere', feedIds: [address.feed.id] }))
      return 'here'
    const { repository, bandwidth } = await upstreams.open(address)
    const keep = (blob: Parameters<FeedIndex['keepBlob']>[1]) => index.keepBlob(address, blob)
    const fetch = new BlobFetch(
      { digest, size },
      { storage, repository, bandwidth, keep, slots: this.#slots },
    )
    this.#running.set(key, fetch)
    void fetch.ended.then((end) => {
      if (this.#running.get(key) === fetch) this.#running.delete(key)
      if (end.state === 'failed' && !isGivenUp(end.error)) failed(end.error, address)
    })
    return fetch
  }

  #head(repository: Repository, digest: string): Promise<number | null> {
    return repository.headBlob(digest, AbortSignal.timeout(this.#parts.limits.upstreamMs))
  }

  async #ask<T>(address: RepositoryAddress, ask: (repository: Repository) => Promise<T>): Promise<T> {
    const { contacts, upstreams } = this.#parts
    try {
      return await contacts.ask(address.feed, async () => ask((await upstreams.open(address)).repository))
    } catch (error) {
      throw asAnswer(error, upstreamOf(address.feed))
    }
  }
}

const isGivenUp = (error: unknown): boolean => error instanceof RegistryError && error.code === 'cancelled'

export function blobUnknown(digest: string, cause?: unknown): FeedError {
  return new FeedError('BLOB_UNKNOWN', `this repository has no blob ${quote(digest)}`, { cause })
}
