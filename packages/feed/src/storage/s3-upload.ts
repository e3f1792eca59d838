import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { FeedError, quote } from '../errors.ts'
import { blobMissing } from './key.ts'
import type { Bucket } from './s3.ts'
import { isAbsent, isConflict } from './s3-objects.ts'

/** What one request brought, as an object of its own. */
export interface Segment {
  readonly name: string
  readonly size: number
}

/** Which objects make up an upload so far, in order. `etag` is null before anything was written. */
export interface UploadState {
  readonly etag: string | null
  readonly segments: readonly Segment[]
}

/** The least that S3 takes as a part of a multipart upload, but for the last. */
const PART_BYTES = 5 * 1024 ** 2
/** Parts are 10,000 at the most; with this share, 128 GiB stay below however small the requests are. */
const PART_SHARE = 2_500

export async function readUpload({ client, bucket }: Bucket, folder: string): Promise<UploadState> {
  try {
    const { Body, ETag } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: `${folder}state` }))
    const segments: readonly Segment[] = JSON.parse((await Body?.transformToString()) ?? '[]')
    return { etag: ETag ?? '', segments }
  } catch (error) {
    if (isAbsent(error)) return { etag: null, segments: [] }
    throw error
  }
}

/**
 * Writes the state that follows the one read. @throws FeedError UPLOAD_BUSY when it is no longer the one
 * that was read
 */
export async function writeUpload(
  { client, bucket }: Bucket,
  folder: string,
  key: string,
  { etag, segments }: UploadState,
): Promise<void> {
  try {
    await client.send(
      new PutObjectCommand({
        Bucket: bucket,
        Key: `${folder}state`,
        Body: JSON.stringify(segments),
        ...(etag === null ? { IfNoneMatch: '*' } : { IfMatch: etag }),
      }),
    )
  } catch (cause) {
    if (!isConflict(cause) && !isAbsent(cause)) throw cause
    throw new FeedError('UPLOAD_BUSY', `another process is writing the storage object ${quote(key)}`, {
      cause,
    })
  }
}

/**
 * The first `end` bytes: segments as they are, and what of the next one is below `end`. A last segment
 * shorter than `shortest` counts as such a rest: written again together with what follows.
 */
export function keptOf(
  key: string,
  { segments }: UploadState,
  end: number,
  shortest = Math.max(PART_BYTES, Math.ceil(end / PART_SHARE)),
): { whole: readonly Segment[]; rest: Segment | null } {
  const whole: Segment[] = []
  let position = 0
  for (const segment of segments) {
    if (position >= end) break
    const size = Math.min(segment.size, end - position)
    position += size
    if (size < segment.size || (position === end && size < shortest)) {
      return { whole, rest: { name: segment.name, size } }
    }
    whole.push(segment)
  }
  if (position < end) throw blobMissing(key, `has ${position} of ${end} bytes; start the upload again`)
  return { whole, rest: null }
}
