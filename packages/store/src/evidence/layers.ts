import type { BlobStorage } from '@sluice/feed'
import { verifyBytes } from '@sluice/oci'
import type { Connected } from '../remotes/connect.ts'
import type { Transaction } from '../transaction.ts'

/** Where bytes of blobs are read. */
export type BlobReader = Pick<BlobStorage, 'read'>

/** The bytes of one layer of a repository, checked against its digest. */
export type LayerReader = (
  repositoryId: string,
  layer: { readonly digest: string; readonly size: number },
) => Promise<Uint8Array>

export function storedLayers(tx: Transaction, storage: BlobReader): LayerReader {
  return async (repositoryId, { digest, size }) => {
    const [blob] = await tx.$queryRaw<{ storageKey: string }[]>`
      select b.storage_key as "storageKey" from repository_blob rb join blob b on b.digest = rb.digest
      where rb.repository_id = ${repositoryId}::uuid and rb.digest = ${digest} and b.size = ${size}
        and b.quarantined_at is null`
    if (blob === undefined) throw new Error(`no blob ${digest}`)
    const bytes =
      size === 0 ? Buffer.alloc(0) : await whole(storage.read(blob.storageKey, { start: 0, end: size - 1 }))
    verifyBytes(bytes, digest)
    return bytes
  }
}

/** Milliseconds for one layer of evidence: somebody waits for the gates. */
const PATIENCE_MS = 15_000

export function remoteLayers(tx: Transaction, { repository }: Connected): LayerReader {
  return async (repositoryId, layer) => {
    const row = await tx.repository.findUniqueOrThrow({ where: { id: repositoryId }, select: { name: true } })
    return whole(await repository(row.name).getBlob(layer, AbortSignal.timeout(PATIENCE_MS)))
  }
}

/** A chunk is only good until the next one is asked for. */
async function whole(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const kept: Buffer[] = []
  for await (const chunk of chunks) kept.push(Buffer.from(chunk))
  return Buffer.concat(kept)
}
