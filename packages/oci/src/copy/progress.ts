import { RegistryError } from '../client/errors.ts'

/** Where a copy is. Bytes and blobs that were there already count as done. */
export interface CopyProgress {
  readonly bytes: number
  readonly totalBytes: number
  readonly blobs: number
  readonly totalBlobs: number
}

const INTERVAL_MS = 100

/** Adds up what the blobs report and tells it at most ten times a second, and at the end. */
export class ProgressMeter {
  readonly #tell: ((progress: CopyProgress) => void) | undefined
  readonly #reached = new Map<string, number>()
  #state: CopyProgress = { bytes: 0, totalBytes: 0, blobs: 0, totalBlobs: 0 }
  #told = 0

  constructor(tell: ((progress: CopyProgress) => void) | undefined) {
    this.#tell = tell
  }

  expect(blobs: readonly { size: number }[]): void {
    const { bytes, totalBytes, blobs: done, totalBlobs } = this.#state
    const more = blobs.reduce((sum, { size }) => sum + size, 0)
    this.#state = { bytes, totalBytes: totalBytes + more, blobs: done, totalBlobs: totalBlobs + blobs.length }
  }

  /** Goes forward only: bytes that are sent again were counted. */
  reach(digest: string, bytes: number): void {
    const before = this.#reached.get(digest) ?? 0
    if (bytes <= before) return
    this.#reached.set(digest, bytes)
    this.#state = { ...this.#state, bytes: this.#state.bytes + bytes - before }
    const now = performance.now()
    if (now - this.#told >= INTERVAL_MS) this.flush(now)
  }

  finish({ digest, size }: { digest: string; size: number }): void {
    this.reach(digest, size)
    this.#reached.delete(digest)
    this.#state = { ...this.#state, blobs: this.#state.blobs + 1 }
  }

  flush(now = performance.now()): void {
    this.#told = now
    this.#tell?.(this.#state)
  }
}

const MEANT = 1024 * 1024

/** Whether it got far enough to be worth a fresh set of tries: a few bytes each time would go on for ever. */
export function isProgress(before: number, after: number, size: number): boolean {
  return after > before && after - before >= Math.min(MEANT, size / 20)
}

export function cancelled(what: string, signal: AbortSignal): RegistryError {
  return new RegistryError('cancelled', `the copy of ${what} was cancelled`, { cause: signal.reason })
}
