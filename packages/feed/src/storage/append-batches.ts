import type { FileHandle } from 'node:fs/promises'

const BATCH_BYTES = 1024 * 1024
const BATCH_CHUNKS = 512

/**
 * Writes chunks of any size in batches of 1 MiB, one write in flight: while the disk takes a batch,
 * the next one is received (and hashed by whoever produces it). Resolves to the new size.
 */
export async function appendBatches(
  file: FileHandle,
  offset: number,
  chunks: AsyncIterable<Uint8Array>,
): Promise<number> {
  let position = offset
  let batch: Uint8Array[] = []
  let bytes = 0
  let writing: Promise<void> = Promise.resolve()

  const flush = async () => {
    await writing
    writing = writeAll(file, batch, bytes, position)
    writing.catch(() => {}) // reported when it is awaited
    position += bytes
    batch = []
    bytes = 0
  }
  try {
    for await (const chunk of chunks) {
      batch.push(chunk)
      bytes += chunk.length
      if (bytes >= BATCH_BYTES || batch.length >= BATCH_CHUNKS) await flush()
    }
    if (bytes > 0) await flush()
    await writing
    return position
  } finally {
    await writing.catch(() => {}) // the file is closed after this
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
