import { Readable } from 'node:stream'
import { GetObjectCommand, S3ServiceException } from '@aws-sdk/client-s3'
import type { ByteRange } from '../ports.ts'
import { blobMissing } from './key.ts'
import type { Bucket } from './s3.ts'
import { isAbsent } from './s3-objects.ts'

/** Broken connections in a row, without a byte between them, until the reader is told. */
const TRIES = 3

/** Bytes of an object; goes on where it was when the connection breaks. @throws FeedError BLOB_MISSING */
export async function* readObject(
  bucket: Bucket,
  name: string,
  key: string,
  { start, end }: ByteRange,
): AsyncGenerator<Uint8Array> {
  let position = start
  for (let tries = 1; position <= end; tries++) {
    const body = await open(bucket, name, key, { start: position, end })
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        position += chunk.length
        tries = 0
        yield chunk
      }
    } catch (error) {
      if (tries >= TRIES) throw error
    }
    if (tries > TRIES) throw blobMissing(key, `ended at byte ${position} while it was read`)
  }
}

async function open(
  { client, bucket }: Bucket,
  name: string,
  key: string,
  { start, end }: ByteRange,
): Promise<Readable> {
  try {
    const { Body, ContentLength } = await client.send(
      new GetObjectCommand({ Bucket: bucket, Key: name, Range: `bytes=${start}-${end}` }),
    )
    if (!(Body instanceof Readable)) throw new TypeError('the bucket answered without a body')
    if (ContentLength === end - start + 1) return Body
    Body.destroy()
    throw blobMissing(key, `does not hold byte ${end}`)
  } catch (cause) {
    if (isAbsent(cause)) throw blobMissing(key, 'is not in the bucket', cause)
    if (cause instanceof S3ServiceException && cause.$metadata.httpStatusCode === 416) {
      throw blobMissing(key, `does not hold byte ${start}`, cause)
    }
    throw cause
  }
}
