import { FeedError, type ManifestPush, type TagOutcome } from '@sluice/feed'
import { type Edge, type Manifest, successors } from '@sluice/oci'
import type pg from 'pg'
import { sqlTransaction } from '../transaction.ts'
import { insertManifest } from './manifest-rows.ts'
import { enterRepository } from './repository.ts'
import { moveTags } from './tags.ts'
import { digestsOf, isPurged, refusedAsPurged } from './tombstone.ts'

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
    // Or what it needs went with it.
    const missing = error instanceof FeedError && error.code === 'MANIFEST_BLOB_UNKNOWN'
    if (missing || isPurged(error))
      throw (await refusedAsPurged(pool, push.digest, digestsOf(push.manifest.bytes))) ?? error
    throw error
  }
}

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
