import type { FileHandle } from 'node:fs/promises'

const BATCH_BYTES = 1024 * 1024
const BATCH_CHUNKS = 512
/** After so many bytes the disk is set to work on what it has; else it begins when the last one is here. */
const SYNC_BYTES = 16 * 1024 * 1024

/**
 * Writes chunks of any size in batches of 1 MiB, one write in flight: while the disk takes a batch,
 * the next one is received (and hashed by whoever produces it). Resolves to the new size.
 */
export async function appendBatches(
  file: FileHandle,
  offset: number,
  chunks: AsyncIterable<Uint8Array>,
  written?: (chunk: Uint8Array) => void,
): Promise<number> {
  let position = offset
  let batch: Uint8Array[] = []
  let bytes = 0
  let unsynced = 0
  let writing: Promise<void> = Promise.resolve()
  let syncing: Promise<void> = Promise.resolve()
  let isSyncing = false

  const write = async (full: Uint8Array[], length: number, at: number) => {
    await writeAll(file, full, length, at)
    if (written !== undefined) full.forEach(written)
  }
  const flush = async () => {
    await writing
    writing = write(batch, bytes, position)
    writing.catch(() => {}) // reported when it is awaited
    position += bytes
    unsynced += bytes
    batch = []
    bytes = 0
    if (unsynced < SYNC_BYTES || isSyncing) return
    unsynced = 0
    isSyncing = true
    syncing = file.datasync().then(() => {
      isSyncing = false
    })
    // Reported at the end, and not tried again: the kernel tells of it once, so the last sync would not hear of it.
    syncing.catch(() => {})
  }
  try {
    for await (const chunk of chunks) {
      batch.push(chunk)
      bytes += chunk.length
      if (bytes >= BATCH_BYTES || batch.length >= BATCH_CHUNKS) await flush()
    }
    if (bytes > 0) await flush()
    await writing
    await syncing
    return position
  } finally {
    // The file is closed after this.
    await writing.catch(() => {})
    await syncing.catch(() => {})
  }
}

async function writeAll(
  file: FileHandle,
  batch: Uint8Array[],
  bytes: number,
  position: number,
): Promise<void> {
  const { bytesWritten } = await file.writev(batch, position)
  if (bytesWritten === bytes) return
  // A short write is rare (a signal, a nearly full disk): the rest goes one by one.
  const rest = Buffer.concat(batch).subarray(bytesWritten)
  for (let at = 0; at < rest.length; ) {
    at += (await file.write(rest, at, rest.length - at, position + bytesWritten + at)).bytesWritten
  }
}
