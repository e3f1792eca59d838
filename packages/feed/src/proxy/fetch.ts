import { type Bandwidth, readBlob, type Repository, type Slots } from '@sluice/oci'
import { FeedError } from '../errors.ts'
import type { BlobStorage, ByteRange, KeptBlob, StoredBlob } from '../ports.ts'
import { newStorageKey } from '../storage/key.ts'

/** Bytes that are gathered before they are stored: few at first, so that clients need not wait, more as it goes on. */
const FIRST_BATCH = 64 * 1024
const LARGEST_BATCH = 4 * 1024 * 1024
/** A fetch that misses no more than this goes on though everybody has left. */
const WORTH_ENDING = 32 * 1024 * 1024

interface FetchParts {
  readonly storage: BlobStorage
  readonly repository: Repository
  readonly bandwidth: Bandwidth | undefined
  readonly keep: (blob: StoredBlob) => Promise<KeptBlob>
  /** A fetch waits for one. */
  readonly slots: Slots
}

type End = { readonly state: 'whole' } | { readonly state: 'failed'; readonly error: unknown }

/**
 * One blob on its way from the upstream into the storage, read by any number of clients while it comes: each at its own
 * pace, from what has been stored. Bytes are hashed as they come, and the last of them are stored only when the hash of
 * all is right, so that wrong bytes never make a whole blob here, nor at a client.
 */
export class BlobFetch {
  readonly digest: string
  readonly size: number
  /** Settles when nothing more comes. Never rejects. */
  readonly ended: Promise<End>
  readonly #storage: BlobStorage
  readonly #own = newStorageKey()
  readonly #stop = new AbortController()
  /** Where to read; other than `#own` where the same bytes were kept before. */
  #key = this.#own
  #sealed = false
  /** Whether the object under `#own` is to be removed when nobody reads it any more. */
  #loose = false
  #stored = 0
  #end: End | null = null
  #readers = 0
  #wake: (() => void)[] = []

  constructor(blob: { readonly digest: string; readonly size: number }, parts: FetchParts) {
    this.digest = blob.digest
    this.size = blob.size
    this.#storage = parts.storage
    this.ended = parts.slots
      .run(() => this.#run(parts))
      .then(
        () => ({ state: 'whole' }) as const,
        (error: unknown) => ({ state: 'failed', error }) as const,
      )
      .then(async (end) => {
        this.#end = end
        if (end.state === 'failed') this.#loose = true
        this.#notify()
        await this.#removeLoose()
        return end
      })
  }

  /** Whoever joins must leave. */
  join(): void {
    this.#readers++
  }

  /**
   * When the last one leaves, a fetch goes on that has half of the blob, or misses little; any other is given up.
   * Answers whether it goes on.
   */
  leave(): boolean {
    this.#readers--
    if (this.#readers > 0) return true
    if (this.#end !== null) {
      void this.#removeLoose()
      return true
    }
    const missing = this.size - this.#stored
    if (missing <= Math.max(this.#stored, WORTH_ENDING)) return true
    this.#stop.abort(new Error('everybody who pulled it has left'))
    return false
  }

  /** Resolves when the byte at `position` can be read, or all are there. @throws what ended the fetch */
  async reach(position: number): Promise<void> {
    while (this.#stored <= position && this.#end === null) {
      await new Promise<void>((resolve) => this.#wake.push(resolve))
    }
    if (this.#stored <= position && this.#end?.state === 'failed') throw this.#end.error
  }

  /** The bytes of a range, as they come. A chunk is valid until the next one is asked for. @throws what ended the fetch */
  async *read({ start, end }: ByteRange): AsyncGenerator<Uint8Array> {
    let position = start
    while (position <= end) {
      await this.reach(position)
      const until = Math.min(end + 1, this.#stored)
      const [key, sealed] = [this.#key, this.#sealed]
      const chunks = sealed
        ? this.#storage.read(key, { start: position, end: until - 1 })
        : this.#storage.readUnsealed(key, until, position)
      try {
        for await (const chunk of chunks) {
          position += chunk.length
          yield chunk
        }
      } catch (error) {
        // Sealed, or found to be here already, between the two lines.
        const moved = key !== this.#key || sealed !== this.#sealed
        if (!moved || !(error instanceof FeedError) || error.code !== 'BLOB_MISSING') throw error
      }
    }
  }

  async #run({ storage, repository, bandwidth, keep }: FetchParts): Promise<void> {
    const blob = { digest: this.digest, size: this.size }
    const bytes = readBlob({
      source: repository,
      blob,
      bandwidth,
      onBytes: () => undefined,
      signal: this.#stop.signal,
    })
    try {
      let batch = FIRST_BATCH
      let more = true
      while (more) {
        const { taken, ended } = await take(bytes, batch)
        more = !ended
        if (taken.length === 0 && this.#stored > 0) break
        // An empty blob is an object too.
        this.#stored = await storage.append(this.#own, this.#stored, each(taken))
        this.#notify()
        batch = Math.min(batch * 2, LARGEST_BATCH)
      }
    } finally {
      await bytes.return?.(undefined)
    }
    await storage.seal(this.#own, this.size)
    this.#sealed = true
    const { kept, superfluous } = await keep({ ...blob, storageKey: this.#own })
    if (kept === null) this.#loose = true
    else if (kept.storageKey !== this.#own) {
      this.#key = kept.storageKey
      this.#loose = true
    } else if (superfluous !== null) await storage.remove(superfluous).catch(() => undefined)
  }

  #notify(): void {
    const waiting = this.#wake
    this.#wake = []
    for (const wake of waiting) wake()
  }

  /** What no row knows is nobody's when the last reader is gone; what stays by a crash the collector finds. */
  async #removeLoose(): Promise<void> {
    if (!this.#loose || this.#readers > 0) return
    this.#loose = false
    await this.#storage.remove(this.#own).catch(() => undefined)
  }
}

/** As many bytes as a batch takes, at the least one chunk. */
async function take(
  bytes: AsyncGenerator<Buffer>,
  batch: number,
): Promise<{ taken: readonly Buffer[]; ended: boolean }> {
  const taken: Buffer[] = []
  let length = 0
  while (length < batch) {
    const step = await bytes.next()
    if (step.done === true) return { taken, ended: true }
    taken.push(step.value)
    length += step.value.length
  }
  return { taken, ended: false }
}

async function* each(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks
}
