import { join } from 'node:path'
import { FeedError, quote } from '../errors.ts'
import type { BlobStorage } from '../ports.ts'
import { folderStorage } from './folder.ts'

export interface StorageSettings {
  /** Absolute. */
  readonly dataDir: string
  /** `s3://bucket/prefix?endpoint=…&region=…&pathStyle=true&redirect=true`; without it, a folder of `dataDir`. */
  readonly storage?: string | undefined
}

/** A link into the bucket is good for as long as a slow client may take to follow it. */
const REDIRECT_SECONDS = 20 * 60

/**
 * The one storage that every api and worker of an installation share. The bucket's credentials come from
 * where AWS's own tools find them: environment, files, the machine's role.
 * @throws FeedError STORAGE_URL_INVALID
 */
export async function openStorage({ dataDir, storage }: StorageSettings): Promise<BlobStorage> {
  if (storage === undefined) return folderStorage(join(dataDir, 'blobs'))
  const { bucket, prefix, endpoint, region, pathStyle, redirect } = parseStorageUrl(storage)
  // Late: the SDK is large, and most installations have a folder.
  const [{ S3Client }, { s3Storage }] = await Promise.all([import('@aws-sdk/client-s3'), import('./s3.ts')])
  const client = new S3Client({
    ...(region !== null && { region }),
    ...(endpoint !== null && { endpoint }),
    forcePathStyle: pathStyle,
    // Blobs are hashed by us; not every server knows the checksums of newer SDKs.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
  return s3Storage({ client, bucket, prefix, redirectSeconds: redirect ? REDIRECT_SECONDS : null })
}

const PARAMETERS = ['endpoint', 'region', 'pathStyle', 'redirect']

/** @throws FeedError STORAGE_URL_INVALID naming the part that is wrong */
export function parseStorageUrl(text: string) {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url?.protocol !== 's3:' || url.hostname === '') throw invalid('is not of the form s3://bucket/prefix')
  if (url.username !== '' || url.password !== '' || url.port !== '' || url.hash !== '') {
    throw invalid('holds only a bucket, a prefix and parameters; credentials come from the AWS environment')
  }
  const unknown = [...url.searchParams.keys()].find((name) => !PARAMETERS.includes(name))
  if (unknown !== undefined)
    throw invalid(`has no parameter ${quote(unknown)}; there are ${PARAMETERS.join(', ')}`)
  const prefix = url.pathname.replace(/^\/+/, '').replace(/\/+$/, '')
  if (!/^[A-Za-z0-9/._-]*$/.test(prefix))
    throw invalid('has a prefix of other than letters, digits and / . _ -')
  const endpoint = url.searchParams.get('endpoint')
  if (endpoint !== null && !/^https?:$/.test(URL.canParse(endpoint) ? new URL(endpoint).protocol : '')) {
    throw invalid('has an endpoint that is no http or https URL')
  }
  return {
    bucket: url.hostname,
    prefix: prefix === '' ? '' : `${prefix}/`,
    endpoint,
    region: url.searchParams.get('region'),
    pathStyle: flag(url, 'pathStyle'),
    redirect: flag(url, 'redirect'),
  }
}

function flag(url: URL, name: string): boolean {
  const value = url.searchParams.get(name) ?? 'false'
  if (value === 'true' || value === 'false') return value === 'true'
  throw invalid(`says neither true nor false for ${name}`)
}

function invalid(what: string): FeedError {
  return new FeedError('STORAGE_URL_INVALID', `SLUICE_STORAGE ${what}`)
}
