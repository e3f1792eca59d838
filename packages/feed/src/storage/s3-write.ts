import { randomUUID } from 'node:crypto'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  type CompletedPart,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import type { Bucket } from './s3.ts'
import type { Segment } from './s3-upload.ts'

const FIRST_PART_BYTES = 8 * 1024 ** 2
/** Parts grow, because there may be 10,000: doubled each time so many were written. */
const PARTS_OF_ONE_SIZE = 2_000
const AT_ONCE = 3

/** A part of an upload that becomes part of the sealed object: `size` bytes from the object's start. */
export interface Piece extends Segment {
  /** The object has no more bytes than these. */
  readonly whole: boolean
}

/** Writes a stream of unknown length as one object of the folder; null when there was no byte. */
export async function writeStream(
  bucket: Bucket,
  folder: string,
  chunks: AsyncIterable<Uint8Array>,
  written?: (chunk: Uint8Array) => void,
): Promise<Segment | null> {
  const name = folder + randomUUID()
  const target = { Bucket: bucket.bucket, Key: name }
  let upload: Multipart | null = null
  let batch: Uint8Array[] = []
  let [bytes, size] = [0, 0]
  const gather = () => {
    const body = Buffer.concat(batch, bytes)
    if (written !== undefined) batch.forEach(written)
    size += bytes
    batch = []
    bytes = 0
    return body
  }
  const flush = async (to: Multipart) => {
    const body = gather()
    await to.add((PartNumber, UploadId) =>
      bucket.client.send(new UploadPartCommand({ ...target, PartNumber, UploadId, Body: body })),
    )
  }
  try {
    for await (const chunk of chunks) {
      batch.push(chunk)
      bytes += chunk.length
      const doublings = Math.floor((upload?.count ?? 0) / PARTS_OF_ONE_SIZE)
      if (bytes < FIRST_PART_BYTES * 2 ** doublings) continue
      upload ??= await Multipart.begin(bucket, name)
      await flush(upload)
    }
    if (upload === null) {
      if (bytes === 0) return null
      await bucket.client.send(new PutObjectCommand({ ...target, Body: gather() }))
      return { name, size }
    }
    if (bytes > 0) await flush(upload)
    await upload.complete()
    return { name, size }
  } catch (error) {
    await upload?.abort()
    throw error
  }
}

/** Makes one object of others, inside the bucket. All but the last are long enough to be parts. */
export async function copyPieces(
  bucket: Bucket,
  name: string,
  pieces: readonly Piece[],
  most: number,
): Promise<void> {
  const upload = await Multipart.begin(bucket, name)
  try {
    for (const piece of pieces) {
      for (const { start, end } of cut(piece.size, most)) {
        await upload.add(async (PartNumber, UploadId) => {
          const { CopyPartResult } = await bucket.client.send(
            new UploadPartCopyCommand({
              Bucket: bucket.bucket,
              Key: name,
              PartNumber,
              UploadId,
              CopySource: encodeURI(`${bucket.bucket}/${piece.name}`),
              CopySourceRange: `bytes=${start}-${end}`,
            }),
          )
          return { ETag: CopyPartResult?.ETag }
        })
      }
    }
    await upload.complete()
  } catch (error) {
    await upload.abort()
    throw error
  }
}

/** Equal ranges of at most `most` bytes, so that none is too short to be a part. */
function cut(size: number, most: number): { start: number; end: number }[] {
  const count = Math.ceil(size / most)
  const length = Math.ceil(size / count)
  return Array.from({ length: count }, (_, n) => ({
    start: n * length,
    end: Math.min(size, (n + 1) * length) - 1,
  }))
}

type Part = (partNumber: number, uploadId: string) => Promise<{ ETag?: string | undefined }>

/** A multipart upload with a few parts under way. */
class Multipart {
  readonly #bucket: Bucket
  readonly #target: { Bucket: string; Key: string; UploadId: string }
  readonly #parts: CompletedPart[] = []
  readonly #running = new Set<Promise<void>>()
  #failure: unknown = null
  count = 0

  private constructor(bucket: Bucket, name: string, uploadId: string) {
    this.#bucket = bucket
    this.#target = { Bucket: bucket.bucket, Key: name, UploadId: uploadId }
  }

  static async begin(bucket: Bucket, name: string): Promise<Multipart> {
    const { UploadId } = await bucket.client.send(
      new CreateMultipartUploadCommand({ Bucket: bucket.bucket, Key: name }),
    )
    if (UploadId === undefined) throw new Error('the bucket began a multipart upload without an id')
    return new Multipart(bucket, name, UploadId)
  }

  /** Starts a part, once there is room for one more. @throws the error of a part before it */
  async add(send: Part): Promise<void> {
    const part = this.#run(send, ++this.count)
    this.#running.add(part)
    void part.finally(() => this.#running.delete(part))
    if (this.#running.size >= AT_ONCE) await Promise.race(this.#running)
    if (this.#failure !== null) throw this.#failure
  }

  async #run(send: Part, PartNumber: number): Promise<void> {
    try {
      const { ETag } = await send(PartNumber, this.#target.UploadId)
      this.#parts.push({ PartNumber, ETag })
    } catch (error) {
      this.#failure ??= error
    }
  }

  async complete(): Promise<void> {
    await Promise.all(this.#running)
    if (this.#failure !== null) throw this.#failure
    const Parts = this.#parts.sort((a, b) => (a.PartNumber ?? 0) - (b.PartNumber ?? 0))
    await this.#bucket.client.send(
      new CompleteMultipartUploadCommand({ ...this.#target, MultipartUpload: { Parts } }),
    )
  }

  /** What this cannot remove, the collector does. */
  async abort(): Promise<void> {
    await Promise.all(this.#running)
    await this.#bucket.client.send(new AbortMultipartUploadCommand(this.#target)).catch(() => {})
  }
}
