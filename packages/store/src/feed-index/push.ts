import { FeedError, type ManifestPush, type TagOutcome } from '@sluice/feed'
import {
  DOCKER_MANIFEST,
  DOCKER_MANIFEST_LIST,
  type Edge,
  type Manifest,
  OCI_INDEX,
  OCI_MANIFEST,
  OciError,
  parseManifest,
  successors,
} from '@sluice/oci'
import type pg from 'pg'
import { StoreError } from '../errors.ts'
import { sqlTransaction } from '../transaction.ts'
import { enterRepository } from './repository.ts'
import { moveTags } from './tags.ts'
import { refusedAsPurged } from './tombstone.ts'

/** Ends the transaction without an effect, and without an error for the caller. */
class NothingStored extends Error {
  readonly outcomes: readonly TagOutcome[]

  constructor(outcomes: readonly TagOutcome[]) {
    super('every tag that was asked for is refused')
    this.outcomes = outcomes
  }
}

/**
 * Stores a manifest with its edges and membership and moves its tags: one transaction.
 * @throws FeedError MANIFEST_BLOB_UNKNOWN, DENIED for what was purged
 */
export async function putManifest(pool: pg.Pool, push: ManifestPush): Promise<readonly TagOutcome[]> {
  try {
    return await sqlTransaction(pool, async (client) => {
      const repositoryId = await enterRepository(client, push.address)
      await requireSuccessors(client, repositoryId, push.manifest)
      await insertManifest(client, push.digest, push.manifest)
      await client.query({
        name: 'manifest_link',
        text: LINK,
        values: [repositoryId, push.digest, push.manifest.mediaType, push.principalId],
      })
      const outcomes = await moveTags(client, repositoryId, push)
      const refused = outcomes.filter((outcome) => !outcome.moved && outcome.refusal !== null)
      if (outcomes.length > 0 && refused.length === outcomes.length) throw new NothingStored(outcomes)
      return outcomes
    })
  } catch (error) {
    if (error instanceof NothingStored) return error.outcomes
    if (mayBePurged(error)) throw (await refusedAsPurged(pool, push.digest)) ?? error
    throw error
  }
}

/** Postgres refused it, or what it needs went with it. */
const mayBePurged = (error: unknown): boolean =>
  (error instanceof StoreError && error.code === 'purged') ||
  (error instanceof FeedError && error.code === 'MANIFEST_BLOB_UNKNOWN')

// The update locks a membership that is there already, so that it cannot be deleted under a new
// tag. Who pushed first stays the pusher.
const LINK = `
  insert into repository_manifest (repository_id, digest, media_type, pushed_by) values ($1, $2, $3, $4)
  on conflict (repository_id, digest) do update set media_type = excluded.media_type`

async function requireSuccessors(
  client: pg.PoolClient,
  repositoryId: string,
  manifest: Manifest,
): Promise<void> {
  const required = successors(manifest).filter((edge) => edge.kind !== 'subject' && edge.distributable)
  if (required.length === 0) return
  const isManifest = ({ kind }: Edge) => kind === 'manifest'
  const digests = (edges: Edge[]) => [...new Set(edges.map(({ descriptor }) => descriptor.digest))].sort()
  const values = [
    repositoryId,
    digests(required.filter((edge) => !isManifest(edge))),
    digests(required.filter(isManifest)),
  ]
  const { rows } = await client.query<{ digest: string; manifest: boolean }>({
    name: 'successors',
    text: HELD,
    values,
  })
  const held = new Set(rows.map(({ digest, manifest }) => `${manifest} ${digest}`))
  const missing = required.find((edge) => !held.has(`${isManifest(edge)} ${edge.descriptor.digest}`))
  if (!missing) return
  const { digest, mediaType } = missing.descriptor
  throw new FeedError(
    'MANIFEST_BLOB_UNKNOWN',
    `the ${missing.kind} ${digest} is not in this repository; push it before the manifest`,
    { detail: { digest, mediaType } },
  )
}

// The lock keeps what the manifest needs from being unlinked until the manifest is there.
const HELD = `
  with blobs as (
    select rb.digest, false as manifest from repository_blob rb
    join blob b on b.digest = rb.digest and b.quarantined_at is null
    where rb.repository_id = $1 and rb.digest = any ($2) order by rb.digest for key share of rb
  ), manifests as (
    select rm.digest, true as manifest from repository_manifest rm
    where rm.repository_id = $1 and rm.digest = any ($3) order by rm.digest for key share
  )
  select * from blobs union all select * from manifests`

async function insertManifest(client: pg.PoolClient, digest: string, pushed: Manifest): Promise<void> {
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
