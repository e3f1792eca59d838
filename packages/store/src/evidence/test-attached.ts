import { digestOf, OCI_EMPTY, OCI_MANIFEST, parseManifest } from '@sluice/oci'
import type { House, Scene } from '../promotion/test-scene.ts'
import { bytesOf } from './test-attestation.ts'

export const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json'
export const bundle = (envelope: object) => bytesOf({ mediaType: BUNDLE, dsseEnvelope: envelope })
export const tagOf = (digest: string, end: string) => `${digest.replace(':', '-')}.${end}`

/** Bytes of blobs by their storage keys; `lose` makes reading one fail. */
export function shelf() {
  const bytes = new Map<string, Buffer>()
  return {
    bytes,
    async *read(key: string): AsyncGenerator<Uint8Array> {
      const found = bytes.get(key)
      if (found === undefined) throw new Error('lost')
      yield found
    },
  }
}

export type Shelf = ReturnType<typeof shelf>

/** Hangs an artifact of one layer on an image of the feed dev, by its subject or by a tag; answers its digest. */
export async function attach(
  house: House,
  scene: Scene,
  storage: Shelf,
  subject: { digest?: string; tag?: string },
  content: Uint8Array,
  { mediaType = BUNDLE, annotations = {} }: { mediaType?: string; annotations?: Record<string, string> } = {},
): Promise<string> {
  const blob = async (bytes: Uint8Array) => {
    const digest = digestOf(bytes)
    storage.bytes.set(digest, Buffer.from(bytes))
    await scene.sql(
      'insert into blob (digest, size, storage_key) values ($1, $2, $1) on conflict do nothing',
      [digest, bytes.length],
    )
    await scene.sql(
      `insert into repository_blob (repository_id, digest) select id, $1 from repository where feed_id = $2 on conflict do nothing`,
      [digest, scene.dev.id],
    )
    return { digest, size: bytes.length }
  }
  const config = { mediaType: OCI_EMPTY, ...(await blob(Buffer.from('{}'))) }
  const [held] = subject.digest
    ? await scene.sql<{ mediaType: string; size: number }>(
        `select rm.media_type as "mediaType", octet_length(m.bytes) as size from manifest m
           join repository_manifest rm using (digest) where digest = $1`,
        [subject.digest],
      )
    : []
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      artifactType: mediaType,
      config,
      layers: [{ mediaType, ...(await blob(content)), annotations }],
      ...(subject.digest && { subject: { ...held, digest: subject.digest } }),
    }),
  )
  await house.api.feedIndex.putManifest({
    address: { feed: scene.dev, repository: 'app' },
    digest: digestOf(bytes),
    tags: subject.tag === undefined ? [] : [subject.tag],
    principalId: scene.rita.principalId,
    manifest: parseManifest(bytes, OCI_MANIFEST),
  })
  return digestOf(bytes)
}
