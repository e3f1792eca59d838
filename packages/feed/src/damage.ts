import { createHasher, parseDigest } from '@sluice/oci'
import { FeedError } from './errors.ts'
import type { FeedParts } from './exchange.ts'
import type { RepositoryAddress, StoredBlob, UploadClaim } from './ports.ts'
import { leaseLost } from './receive.ts'

/**
 * Reads what this repository already holds under a digest, and hides it when its stored bytes no longer match:
 * the upload that is about to end then takes their place. Clients ask before they push, so that this is rare;
 * what only other repositories hold is left to the scrubber, as an upload tells nothing about them.
 */
export async function hideDamaged(
  parts: FeedParts,
  { address, digest, claim }: { address: RepositoryAddress; digest: string; claim: UploadClaim },
): Promise<void> {
  const { index, events } = parts
  const known = await index.findBlob(address, digest)
  if (known === null || (await isIntact(parts, known, claim))) return
  await index.quarantineBlob(known, 'wrong digest')
  events.blobMissing?.(address, digest)
}

async function isIntact(
  { index, storage, limits }: FeedParts,
  { digest, size, storageKey }: StoredBlob,
  claim: UploadClaim,
): Promise<boolean> {
  if (size === 0) return true
  const hasher = createHasher(parseDigest(digest).algorithm)
  let renewAt = Date.now() + limits.leaseMs / 3
  try {
    for await (const chunk of storage.read(storageKey, { start: 0, end: size - 1 })) {
      hasher.update(chunk)
      if (Date.now() < renewAt) continue
      if (!(await index.renewUpload(claim, limits.leaseMs))) throw leaseLost()
      renewAt = Date.now() + limits.leaseMs / 3
    }
  } catch (cause) {
    if (cause instanceof FeedError && cause.code === 'BLOB_MISSING') return false
    throw cause
  }
  return hasher.digest() === digest
}
