import { queryOptions, useQuery } from '@tanstack/react-query'
import { fetchContent } from '../session/client.ts'
import { type ImageConfig, type Manifest, readConfig, readManifest } from './manifest.ts'

const ACCEPT = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ')

/** Configs are small; one that is not is not read into a page. */
const CONFIG_LIMIT = 4 * 1024 * 1024

export class ContentError extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.name = 'ContentError'
    this.status = status
  }
}

export type Place = { readonly feed: string; readonly repository: string }

async function read(
  { feed, repository }: Place,
  path: string,
  accept: string,
  signal: AbortSignal,
): Promise<string> {
  const response = await fetchContent(`${feed}/${repository}/${path}`, accept, signal)
  if (response.ok) return response.text()
  if (response.status === 401 || response.status === 403) {
    throw new ContentError(
      response.status,
      `What is in the image is not shown: that needs the grant pull on ${feed}.`,
    )
  }
  if (response.status === 404) throw new ContentError(404, `It is no longer in ${feed}/${repository}.`)
  throw new ContentError(response.status, `${feed}/${repository} answered ${response.status}.`)
}

// A digest never changes what it names: read once.
const once = { staleTime: Number.POSITIVE_INFINITY, retry: false } as const

const manifestOf = (place: Place | null, digest: string | null) =>
  queryOptions({
    ...once,
    queryKey: ['manifest', place, digest],
    enabled: place !== null && digest !== null,
    queryFn: async ({ signal }): Promise<Manifest> => {
      if (place === null || digest === null) throw new Error('no manifest was asked for')
      return readManifest(await read(place, `manifests/${digest}`, ACCEPT, signal))
    },
  })

export type ImageContent = {
  /** Its own, and of an index that of the platform shown: evidence may be about either. */
  readonly digests: readonly string[]
  /** Null: not an index. */
  readonly platforms: readonly string[] | null
  readonly platform: string | null
  readonly image: Extract<Manifest, { kind: 'image' }>
  readonly config: ImageConfig | null
}

/** One image of a place: of an index the one for `platform`, or its first. */
export function useImage(place: Place | null, digest: string | null, platform: string | undefined) {
  const root = useQuery(manifestOf(place, digest))
  const entries =
    root.data?.kind === 'index' ? root.data.entries.filter((entry) => runnable(entry.platform)) : null
  const entry = entries?.find((one) => one.platform === platform) ?? entries?.[0]
  const child = useQuery(manifestOf(place, entry?.digest ?? null))
  const image =
    root.data?.kind === 'image' ? root.data : child.data?.kind === 'image' ? child.data : undefined
  const descriptor = image?.config ?? null
  const readable =
    descriptor !== null && descriptor.mediaType.endsWith('+json') && descriptor.size <= CONFIG_LIMIT
  const config = useQuery({
    ...once,
    queryKey: ['config', place, descriptor?.digest],
    enabled: place !== null && readable && isImageConfig(descriptor.mediaType),
    queryFn: async ({ signal }) => {
      if (place === null || descriptor === null) throw new Error('no config was asked for')
      return readConfig(await read(place, `blobs/${descriptor.digest}`, '*/*', signal))
    },
  })
  const waits = readable && isImageConfig(descriptor.mediaType) && config.data === undefined
  const content: ImageContent | undefined =
    image === undefined || waits
      ? undefined
      : {
          digests: [digest, entry?.digest].filter((one) => typeof one === 'string'),
          platforms: entries?.map((one) => one.platform ?? 'unknown') ?? null,
          platform: entry?.platform ?? config.data?.platform ?? null,
          image,
          config: config.data ?? null,
        }
  return { data: content, error: root.error ?? child.error ?? config.error, refetch: () => root.refetch() }
}

/** BuildKit lists its attestations as `unknown/unknown`. */
const runnable = (platform: string | null): boolean => platform !== 'unknown/unknown'
const isImageConfig = (mediaType: string): boolean =>
  mediaType === 'application/vnd.oci.image.config.v1+json' ||
  mediaType === 'application/vnd.docker.container.image.v1+json'
