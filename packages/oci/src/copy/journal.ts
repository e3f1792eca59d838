/** What is known to have arrived. Kept with the promotion, it lets a killed copier go on where it was. */
export interface CopyJournal {
  has(digest: string): boolean
  /** Resolves when the record is safe. */
  done(blob: { digest: string; size: number }): Promise<void> | void
  /** The destination says it does not have it after all. */
  lost(digest: string): Promise<void> | void
}

/** A journal for one copy that is not resumed by another process. */
export function memoryJournal(done: Iterable<string> = []): CopyJournal {
  const digests = new Set(done)
  return {
    has: (digest) => digests.has(digest),
    done: ({ digest }) => void digests.add(digest),
    lost: (digest) => void digests.delete(digest),
  }
}
