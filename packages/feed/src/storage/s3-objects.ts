import {
  AbortMultipartUploadCommand,
  DeleteObjectsCommand,
  ListMultipartUploadsCommand,
  paginateListObjectsV2,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import type { Bucket } from './s3.ts'

/** What one call deletes at the most. */
const NAMES = 1000

/** The object is not there. A bucket that is not there says nothing of its objects. */
export function isAbsent(error: unknown): boolean {
  if (!(error instanceof S3ServiceException) || error.name === 'NoSuchBucket') return false
  return error.$metadata.httpStatusCode === 404
}

/** Another writer came first: a condition on the object no longer holds. */
export function isConflict(error: unknown): boolean {
  const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined
  return status === 412 || status === 409
}

export interface Listed {
  readonly name: string
  readonly changedAt: Date
}

export async function* listAll({ client, bucket }: Bucket, Prefix: string): AsyncGenerator<Listed> {
  for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix })) {
    for (const { Key, LastModified } of Contents) {
      if (Key !== undefined && LastModified !== undefined) yield { name: Key, changedAt: LastModified }
    }
  }
}

interface Unfinished extends Listed {
  readonly uploadId: string
}

/** Multipart uploads that a process began and did not end; nobody sees them, and they are paid for. */
export async function* listUnfinished(
  { client, bucket }: Bucket,
  Prefix: string,
): AsyncGenerator<Unfinished> {
  for (let marker = {}, more = true; more; ) {
    const page = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix, ...marker }))
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      if (Key !== undefined && UploadId !== undefined && Initiated !== undefined) {
        yield { name: Key, uploadId: UploadId, changedAt: Initiated }
      }
    }
    more = page.IsTruncated === true
    marker = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
  }
}

export async function abortUnfinished(bucket: Bucket, prefix: string): Promise<void> {
  for await (const { name, uploadId } of listUnfinished(bucket, prefix)) {
    await bucket.client
      .send(new AbortMultipartUploadCommand({ Bucket: bucket.bucket, Key: name, UploadId: uploadId }))
      .catch(absentIsFine)
  }
}

/** Absent ones are fine. */
export async function removeAll({ client, bucket }: Bucket, names: readonly string[]): Promise<void> {
  for (let at = 0; at < names.length; at += NAMES) {
    const Objects = names.slice(at, at + NAMES).map((Key) => ({ Key }))
    const { Errors = [] } = await client.send(
      new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }),
    )
    const failed = Errors.find(({ Code }) => Code !== 'NoSuchKey')
    if (failed) throw new Error(`the bucket did not delete ${failed.Key}: ${failed.Code} ${failed.Message}`)
  }
}

function absentIsFine(error: unknown): void {
  if (!isAbsent(error)) throw error
}
