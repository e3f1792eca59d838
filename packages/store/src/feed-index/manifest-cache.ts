/** Bytes, in each process. */
const LIMIT = 32 * 1024 * 1024
const TAGS = 10_000

/**
 * The most recently read manifests by digest: the one thing here that cannot become stale. Beside them, on which
 * digest a tag was seen last: a guess that spares sending its bytes again, compared with the tag in the statement
 * that reads it, and never an answer.
 */
export class ManifestCache {
  readonly #entries = new Map<string, Uint8Array>()
  readonly #behind = new Map<string, string>()
  #size = 0

  get(digest: string): Uint8Array | undefined {
    const bytes = this.#entries.get(digest)
    if (bytes) {
      this.#entries.delete(digest)
      this.#entries.set(digest, bytes)
    }
    return bytes
  }

  set(digest: string, bytes: Uint8Array): void {
    if (this.#entries.has(digest)) return
    this.#entries.set(digest, bytes)
    this.#size += bytes.length
    for (const [oldest, { length }] of this.#entries) {
      if (this.#size <= LIMIT) break
      this.#entries.delete(oldest)
      this.#size -= length
    }
  }

  /** The digest whose bytes are here and which this place, a digest or a tag of a repository, led to; or null. */
  digestBehind(place: string): string | null {
    const digest = this.#behind.get(place) ?? place
    return this.#entries.has(digest) ? digest : null
  }

  setBehind(place: string, digest: string): void {
    if (place === digest) return
    this.#behind.delete(place)
    this.#behind.set(place, digest)
    if (this.#behind.size <= TAGS) return
    const oldest = this.#behind.keys().next()
    if (!oldest.done) this.#behind.delete(oldest.value)
  }
}
