import {
  CopyObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { BlobStorage } from '../ports.ts'
import { checkStorageKey, isStorageKey, WriterLocks } from './key.ts'
import { abortUnfinished, isAbsent, listAll, listUnfinished, removeAll } from './s3-objects.ts'
import { readObject } from './s3-read.ts'
import { copyPieces, type Piece, writeStream } from './s3-write.ts'
import { keptOf, readUpload, type Segment, type UploadState, writeUpload } from './s3-upload.ts'

export interface Bucket {
  readonly client: S3Client
  readonly bucket: string
  /** Empty, or ends in a slash. */
  readonly prefix: string
}

export interface S3Options extends Bucket {
  /** Whether clients are sent to the bucket for whole blobs, by a link that is good for so long. */
  readonly redirectSeconds: number | null
}

/** The most that one copy takes, in bytes; S3 allows 5 GiB. */
const COPY_BYTES = 1024 ** 3

/**
 * Blobs in a bucket, for any number of processes. A sealed blob is the object `<prefix><key>`. An upload
 * is `<prefix>uploads/<key>/…`: one object a request (what is too short to be a part of a multipart copy
 * is written again with the next request), and the object `state`, which says which of them count. `seal`
 * puts them together inside the bucket, where no byte passes through this process.
 */
export function s3Storage(options: S3Options): BlobStorage {
  const { client, bucket: Bucket, prefix, redirectSeconds } = options
  const locks = new WriterLocks()
  const sealed = (key: string) => prefix + checkStorageKey(key)
  const folder = (key: string) => `${prefix}uploads/${checkStorageKey(key).replaceAll('/', '_')}/`

  async function isSealed(key: string): Promise<boolean> {
    try {
      await client.send(new HeadObjectCommand({ Bucket, Key: sealed(key) }))
      return true
    } catch (error) {
      if (isAbsent(error)) return false
      throw error
    }
  }

  return {
    append: (key, offset, chunks, written) =>
      locks.hold(key, async () => {
        const upload = await readUpload(options, folder(key))
        const { whole, rest } = keptOf(key, upload, offset)
        const start = whole.reduce((sum, { size }) => sum + size, 0)
        const segment = await writeStream(options, folder(key), withRest(options, rest, chunks), written)
        const segments = segment === null ? whole : [...whole, segment]
        try {
          await writeUpload(options, folder(key), key, { ...upload, segments })
        } catch (error) {
          // Another process has written meanwhile: its bytes count, and ours do not.
          if (segment !== null) await removeAll(options, [segment.name])
          throw error
        }
        const kept = new Set(segments.map(({ name }) => name))
        const dropped = upload.segments.filter(({ name }) => !kept.has(name))
        await removeAll(
          options,
          dropped.map(({ name }) => name),
        )
        return start + (segment?.size ?? 0)
      }),

    async *readUnsealed(key, end, start = 0) {
      if (end <= start) return
      const upload = await readUpload(options, folder(key))
      if (upload.etag === null) {
        yield* readObject(options, sealed(key), key, { start, end: end - 1 })
        return
      }
      let passed = 0
      for (const { name, size } of piecesOf(key, upload, end)) {
        const from = Math.max(start - passed, 0)
        if (from < size) yield* readObject(options, name, key, { start: from, end: size - 1 })
        passed += size
      }
    },

    seal: (key, size) =>
      locks.hold(key, async () => {
        const upload = await readUpload(options, folder(key))
        if (upload.etag === null && (await isSealed(key))) return
        const pieces = piecesOf(key, upload, size)
        const only = pieces[0]
        if (only === undefined) {
          await client.send(
            new PutObjectCommand({ Bucket, Key: sealed(key), Body: Buffer.alloc(0), ContentLength: 0 }),
          )
        } else if (pieces.length === 1 && only.whole && only.size <= COPY_BYTES) {
          const CopySource = encodeURI(`${Bucket}/${only.name}`)
          await client.send(new CopyObjectCommand({ Bucket, Key: sealed(key), CopySource }))
        } else {
          await copyPieces(options, sealed(key), pieces, COPY_BYTES)
        }
        await removeFolder(options, folder(key))
      }),

    read: (key, range) => readObject(options, sealed(key), key, range),

    async remove(key) {
      await removeFolder(options, folder(key))
      await removeAll(options, [sealed(key)])
      await abortUnfinished(options, folder(key))
      await abortUnfinished(options, sealed(key))
    },

    async *list() {
      for (const found of [listAll(options, prefix), listUnfinished(options, prefix)]) {
        for await (const { name, changedAt } of found) {
          const path = name.slice(prefix.length)
          const [first, second] = path.split('/')
          const key = first === 'uploads' ? (second ?? '').replaceAll('_', '/') : path
          if (isStorageKey(key)) yield { key, changedAt }
        }
      }
    },

    ...(redirectSeconds !== null && {
      linkTo: (key: string) =>
        getSignedUrl(
          client,
          new GetObjectCommand({ Bucket, Key: sealed(key), ResponseContentType: 'application/octet-stream' }),
          { expiresIn: redirectSeconds },
        ),
    }),
  }
}

/** The first `size` bytes of an upload. */
function piecesOf(key: string, upload: UploadState, size: number): Piece[] {
  const { whole, rest } = keptOf(key, upload, size, 0)
  return [
    ...whole.map((segment) => ({ ...segment, whole: true })),
    ...(rest === null ? [] : [{ ...rest, whole: false }]),
  ]
}

async function* withRest(bucket: Bucket, rest: Segment | null, chunks: AsyncIterable<Uint8Array>) {
  if (rest !== null) yield* readObject(bucket, rest.name, rest.name, { start: 0, end: rest.size - 1 })
  yield* chunks
}

async function removeFolder(bucket: Bucket, folder: string): Promise<void> {
  const names: string[] = []
  for await (const { name } of listAll(bucket, folder)) names.push(name)
  await removeAll(bucket, names)
}
