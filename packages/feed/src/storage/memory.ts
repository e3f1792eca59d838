import type { BlobStorage } from '../ports.ts'
import { blobMissing, checkStorageKey, WriterLocks } from './key.ts'

/** Blobs in memory, by the same rules as on disk: for tests and for nothing that must last. */
export function memoryStorage(): BlobStorage {
  const unsealed = new Map<string, Buffer>()
  const sealed = new Map<string, Buffer>()
  const changed = new Map<string, Date>()
  const locks = new WriterLocks()

  const at = (key: string, offset: number): Buffer => {
    const bytes = unsealed.get(checkStorageKey(key)) ?? Buffer.alloc(0)
    if (bytes.length < offset) throw blobMissing(key, `has ${bytes.length} of ${offset} bytes`)
    return bytes.subarray(0, offset)
  }
  const slice = (bytes: Buffer | undefined, key: string, start: number, end: number): Uint8Array => {
    if (bytes === undefined || bytes.length <= end) throw blobMissing(key, `does not hold byte ${end}`)
    return bytes.subarray(start, end + 1)
  }

  return {
    append: (key, offset, chunks) =>
      locks.hold(key, async () => {
        let bytes = at(key, offset)
        try {
          for await (const chunk of chunks) bytes = Buffer.concat([bytes, chunk])
        } finally {
          unsealed.set(key, bytes)
          changed.set(key, new Date())
        }
        return bytes.length
      }),
    async *readUnsealed(key, end, start = 0) {
      if (end > start) yield slice(unsealed.get(checkStorageKey(key)) ?? sealed.get(key), key, start, end - 1)
    },
    seal: (key, size) =>
      locks.hold(key, async () => {
        if (!unsealed.has(checkStorageKey(key)) && sealed.has(key)) return
        sealed.set(key, at(key, size))
        changed.set(key, new Date())
        unsealed.delete(key)
      }),
    async *read(key, { start, end }) {
      yield slice(sealed.get(checkStorageKey(key)), key, start, end)
    },
    async remove(key) {
      unsealed.delete(checkStorageKey(key))
      sealed.delete(key)
      changed.delete(key)
    },
    async *list() {
      for (const [key, changedAt] of changed) yield { key, changedAt }
    },
  }
}
