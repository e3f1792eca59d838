import {
  DOCKER_MANIFEST,
  DOCKER_MANIFEST_LIST,
  type Manifest,
  OCI_INDEX,
  OCI_MANIFEST,
  OciError,
  parseManifest,
  successors,
} from '@sluice/oci'
import type pg from 'pg'

/** Stores the bytes of a manifest with its edges, once for everybody. @throws StoreError purged */
export async function insertManifest(client: pg.PoolClient, digest: string, pushed: Manifest): Promise<void> {
  const { kind, bytes, subject, artifactType, annotations } = ociReading(pushed)
  const { rowCount } = await client.query({
    name: 'manifest_insert',
    text: `insert into manifest (digest, bytes, kind, artifact_type, subject_digest, annotations)
           values ($1, $2, $3, $4, $5, $6) on conflict (digest) do nothing`,
    values: [
      digest,
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      kind,
      artifactType ?? null,
      subject?.digest ?? null,
      Object.keys(annotations).length > 0 ? JSON.stringify(annotations) : null,
    ],
  })
  if (rowCount === 0) return keepManifest(client, digest, pushed)
  const edges = successors(pushed).filter((edge) => edge.kind !== 'subject')
  if (edges.length === 0) return
  await client.query({
    name: 'edges_insert',
    text: `insert into manifest_edge (parent_digest, position, kind, child_digest, media_type, size, required, platform)
           select $1, e.position - 1, e.kind, e.digest, e.media_type, e.size, e.required, e.platform::jsonb
           from unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::boolean[], $7::text[])
             with ordinality as e (kind, digest, media_type, size, required, platform, position)`,
    values: [
      digest,
      edges.map((edge) => edge.kind),
      edges.map((edge) => edge.descriptor.digest),
      edges.map((edge) => edge.descriptor.mediaType),
      edges.map((edge) => edge.descriptor.size),
      edges.map((edge) => edge.distributable),
      edges.map(({ descriptor }) => (descriptor.platform ? JSON.stringify(descriptor.platform) : null)),
    ],
  })
}

/** The collector may hold a manifest that is in no repository, and take it away while we wait for it. */
async function keepManifest(client: pg.PoolClient, digest: string, pushed: Manifest): Promise<void> {
  const kept = await client.query({
    name: 'manifest_keep',
    text: 'select keep_manifest($1) as kept',
    values: [digest],
  })
  if (!kept.rows[0].kept) await insertManifest(client, digest, pushed)
}

const OCI_TYPE = new Map([
  [DOCKER_MANIFEST, OCI_MANIFEST],
  [DOCKER_MANIFEST_LIST, OCI_INDEX],
])

/**
 * The bytes are stored once for everybody and read as OCI's wherever they can be: whoever pushes them
 * first, under Docker's type, must not take the subject away from those who push them as OCI's.
 */
function ociReading(pushed: Manifest): Manifest {
  const mediaType = OCI_TYPE.get(pushed.mediaType)
  if (mediaType === undefined) return pushed
  try {
    return parseManifest(pushed.bytes, mediaType)
  } catch (error) {
    if (error instanceof OciError) return pushed
    throw error
  }
}
