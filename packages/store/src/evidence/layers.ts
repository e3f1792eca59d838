import type { BlobStorage } from '@sluice/feed'
import { verifyBytes } from '@sluice/oci'
import type { Connected } from '../remotes/connect.ts'
import type { Remotes } from '../remotes/index.ts'
import type { Transaction } from '../transaction.ts'

/** Where bytes of blobs are read. */
export type BlobReader = Pick<BlobStorage, 'read'>

/** The bytes of one layer of a repository, checked against its digest. */
export type LayerReader = (
  repositoryId: string,
  layer: { readonly digest: string; readonly size: number },
) => Promise<Uint8Array>

/** Of our storage, or of the registry that the repository is in; of what a proxy feed keeps, our own first. */
export function layersOf(
  tx: Transaction,
  remotes: Pick<Remotes, 'connect'>,
  storage: BlobReader,
): LayerReader {
  const stored = storedLayers(tx, storage)
  const readers = new Map<string, Promise<LayerReader>>()
  const keptOr =
    (remote: LayerReader): LayerReader =>
    async (id, layer) => {
      const held = await tx.repositoryBlob.findFirst({ where: { repositoryId: id, digest: layer.digest } })
      return held === null ? remote(id, layer) : stored(id, layer)
    }
  const choose = async (id: string): Promise<LayerReader> => {
    const { name, feed } = await tx.repository.findUniqueOrThrow({
      where: { id },
      select: { name: true, feed: { select: { id: true, kind: true } } },
    })
    const connected = feed.kind === 'hosted' ? null : await remotes.connect(feed.id)
    if (connected === null) return stored
    const remote = remoteLayers(connected, name)
    return feed.kind === 'proxy' ? keptOr(remote) : remote
  }
  return async (id, layer) => {
    const reader = readers.get(id) ?? choose(id)
    readers.set(id, reader)
    return (await reader)(id, layer)
  }
}

function storedLayers(tx: Transaction, storage: BlobReader): LayerReader {
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

function remoteLayers({ repository }: Connected, name: string): LayerReader {
  return async (_, layer) => whole(await repository(name).getBlob(layer, AbortSignal.timeout(PATIENCE_MS)))
}

/** A chunk is only good until the next one is asked for. */
async function whole(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const kept: Buffer[] = []
  for await (const chunk of chunks) kept.push(Buffer.from(chunk))
  return Buffer.concat(kept)
}
