/** Bytes. */
const LIMIT = 64 * 1024 * 1024

/** The most recently read manifests by digest: the one thing here that cannot become stale. */
export class ManifestCache {
  readonly #entries = new Map<string, Uint8Array>()
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
}
