import { type Algorithm, createHasher, type Hasher } from '@sluice/oci'

const KEPT = 4096

/** A hash over the first `offset` bytes of an upload. */
export interface RunningHash {
  readonly algorithm: Algorithm
  readonly hasher: Hasher
  readonly offset: number
}

/**
 * The hashes of unfinished uploads, so that closing one costs no second reading. A memory of this
 * process only; what a request that ended had hashed is also recorded with the upload (`Hashed`), for the
 * processes that share this one's `life`. Whatever is lost (restart, another replica, another algorithm
 * asked for at the end) is hashed again from the storage.
 */
export class RunningHashes {
  readonly life: string
  readonly #byUpload = new Map<string, RunningHash>()

  /** @param life an id of the processes that end together with this one, and before the machine does */
  constructor(life: string) {
    this.life = life
  }

  /** Takes the hash out when it covers exactly `offset` bytes; a new one at 0; else null. */
  take(uploadId: string, offset: number, algorithm: Algorithm | null): RunningHash | null {
    const kept = this.#byUpload.get(uploadId)
    this.#byUpload.delete(uploadId)
    if (kept?.offset === offset && (algorithm === null || kept.algorithm === algorithm)) return kept
    if (offset > 0) return null
    const chosen = algorithm ?? 'sha256'
    return { algorithm: chosen, hasher: createHasher(chosen), offset: 0 }
  }

  keep(uploadId: string, hash: RunningHash): void {
    this.#byUpload.delete(uploadId)
    this.#byUpload.set(uploadId, hash)
    if (this.#byUpload.size <= KEPT) return
    const oldest = this.#byUpload.keys().next()
    if (!oldest.done) this.#byUpload.delete(oldest.value)
  }

  forget(uploadId: string): void {
    this.#byUpload.delete(uploadId)
  }
}
