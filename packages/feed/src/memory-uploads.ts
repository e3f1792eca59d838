import { randomUUID } from 'node:crypto'
import { FeedError } from './errors.ts'
import type { Hashed, RepositoryAddress, Upload, UploadClaim } from './ports.ts'

interface OpenUpload {
  readonly id: string
  readonly storageKey: string
  readonly principalId: string
  readonly address: RepositoryAddress
}

interface Entry extends OpenUpload {
  offset: number
  hashed: Hashed | null
  claim: { readonly id: string; until: number } | null
}

/** The uploads of the memory index: one writer at a time, by a lease that ends by itself. */
export class MemoryUploads {
  readonly #entries = new Map<string, Entry>()

  open(upload: OpenUpload): Upload {
    this.#entries.set(upload.id, { ...upload, offset: 0, hashed: null, claim: null })
    return { id: upload.id, storageKey: upload.storageKey, offset: 0, hashed: null }
  }

  find(repositoryKey: string, id: string, principalId: string): Upload | null {
    const entry = this.#of(repositoryKey, id, principalId)
    return entry && { id, storageKey: entry.storageKey, offset: entry.offset, hashed: entry.hashed }
  }

  claim(id: string, offset: number, leaseMs: number): UploadClaim | null {
    const entry = this.#entries.get(id)
    if (entry === undefined || entry.offset !== offset) return null
    if (entry.claim !== null && entry.claim.until > Date.now()) return null
    entry.claim = { id: randomUUID(), until: Date.now() + leaseMs }
    return { uploadId: id, claimId: entry.claim.id }
  }

  renew(claim: UploadClaim, leaseMs: number): boolean {
    const entry = this.#held(claim)
    if (entry?.claim) entry.claim.until = Date.now() + leaseMs
    return entry !== null
  }

  advance(claim: UploadClaim, offset: number, hashed: Hashed | null): boolean {
    const entry = this.#held(claim)
    if (entry === null) return false
    if (hashed !== null || offset !== entry.offset) entry.hashed = hashed
    entry.offset = offset
    entry.claim = null
    return true
  }

  finish(claim: UploadClaim): RepositoryAddress {
    const entry = this.#held(claim)
    if (entry === null) {
      throw new FeedError('BLOB_UPLOAD_UNKNOWN', 'the upload has ended, or another request took it over')
    }
    this.#entries.delete(claim.uploadId)
    return entry.address
  }

  cancel(repositoryKey: string, id: string, principalId: string): string | null {
    const entry = this.#of(repositoryKey, id, principalId)
    if (entry !== null) this.#entries.delete(id)
    return entry?.storageKey ?? null
  }

  #of(repositoryKey: string, id: string, principalId: string): Entry | null {
    const entry = this.#entries.get(id)
    if (entry === undefined || entry.principalId !== principalId) return null
    return `${entry.address.feed.id}\n${entry.address.repository}` === repositoryKey ? entry : null
  }

  /** A claim is held until another takes its place, also when its time is over. */
  #held({ uploadId, claimId }: UploadClaim): Entry | null {
    const entry = this.#entries.get(uploadId)
    return entry?.claim?.id === claimId ? entry : null
  }
}
