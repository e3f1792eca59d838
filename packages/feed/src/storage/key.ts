import { randomUUID } from 'node:crypto'
import { FeedError, quote } from '../errors.ts'

/**
 * A new key for one upload, `blobs/ab/cd/<uuid>`. Never derived from the digest: two uploads of the
 * same bytes are two objects, so removing the old one cannot destroy the new one.
 */
export function newStorageKey(): string {
  const id = randomUUID()
  return `blobs/${id.slice(0, 2)}/${id.slice(2, 4)}/${id}`
}

export function isStorageKey(key: string): boolean {
  return key.length <= 255 && /^[a-z0-9-]+(?:\/[a-z0-9-]+)*$/.test(key)
}

/** Keys come from the database; this keeps a damaged one from naming a file elsewhere. */
export function checkStorageKey(key: string): string {
  if (isStorageKey(key)) return key
  throw new FeedError(
    'STORAGE_KEY_INVALID',
    `the storage key ${quote(key)} is not of the form blobs/ab/cd/<uuid>`,
  )
}

export function blobMissing(key: string, what: string, cause?: unknown): FeedError {
  return new FeedError('BLOB_MISSING', `the storage object ${quote(key)} ${what}`, { cause })
}

/** The keys that one process writes at this moment: one writer each. */
export class WriterLocks {
  readonly #keys = new Set<string>()

  async hold<T>(key: string, work: () => Promise<T>): Promise<T> {
    if (this.#keys.has(key)) {
      throw new FeedError('UPLOAD_BUSY', `another request is writing the storage object ${quote(key)}`)
    }
    this.#keys.add(key)
    try {
      return await work()
    } finally {
      this.#keys.delete(key)
    }
  }
}
