import { FeedError, type FeedIndex, type RepositoryAddress } from '@sluice/feed'
import type { Manifest } from '@sluice/oci'
import type pg from 'pg'
import { sqlTransaction } from '../transaction.ts'
import { LINK as LINK_BLOB } from './blobs.ts'
import { insertManifest } from './manifest-rows.ts'
import { chargeQuota } from './quota.ts'
import { enterRepository } from './repository.ts'
import { isPurged, purgedOf } from './tombstone.ts'
import { storeBlob } from './uploads.ts'

type Cached = Pick<FeedIndex, 'wasPurged' | 'keepManifest' | 'keepTag' | 'forgetTag' | 'keepBlob'>

/** What proxy feeds keep of their upstreams: by nobody's push, and whole or not. */
export function cachedContent(pool: pg.Pool): Cached {
  return {
    wasPurged: async (digest) => (await purgedOf(pool, [digest])).size > 0,

    async keepManifest(address, { digest, manifest, tag }) {
      try {
        await sqlTransaction(pool, async (client) => {
          const id = await enterRepository(client, address)
          await linkManifest(client, id, { digest, manifest })
          if (tag !== null) await observeTag(client, id, { tag, digest })
        })
        return true
      } catch (error) {
        if (isPurged(error)) return false
        throw error
      }
    },

    async keepTag(address, tag, digest) {
      const { rows } = await pool.query<{ id: string; tagged: string | null }>({
        name: 'cached_tag',
        text: MEMBER,
        values: [...at(address), tag, digest],
      })
      if (rows[0] === undefined) return false
      const { id, tagged } = rows[0]
      if (tagged === digest) return true
      return sqlTransaction(pool, async (client) => {
        // Held, or gone meanwhile.
        const held = await client.query(
          'select from repository_manifest where repository_id = $1 and digest = $2 for key share',
          [id, digest],
        )
        if (held.rowCount === 1) await observeTag(client, id, { tag, digest })
        return held.rowCount === 1
      })
    },

    async forgetTag(address, tag) {
      await pool.query({ name: 'cached_tag_forget', text: FORGET, values: [...at(address), tag] })
    },

    async keepBlob(address, blob) {
      try {
        return await sqlTransaction(pool, async (client) => {
          const id = await enterRepository(client, address)
          const superfluous = await storeBlob(client, blob, null)
          await client.query({ name: 'blob_link', text: LINK_BLOB, values: [id, blob.digest] })
          await chargeQuota(client, id)
          if (superfluous !== blob.storageKey) return { kept: blob, superfluous }
          const { rows } = await client.query<{ key: string }>(
            'select storage_key as key from blob where digest = $1',
            [blob.digest],
          )
          return { kept: { ...blob, storageKey: rows[0]!.key }, superfluous }
        })
      } catch (error) {
        // A cache that is full passes it on and does not keep it.
        if (error instanceof FeedError && error.code === 'DENIED') return { kept: null, superfluous: null }
        if (isPurged(error)) return { kept: null, superfluous: null }
        throw error
      }
    },
  }
}

const at = ({ feed, repository }: RepositoryAddress): [string, string] => [feed.id, repository]

/** Who made it is not known. The update holds a membership that is there, so that no collector takes it meanwhile. */
export async function linkManifest(
  client: pg.PoolClient,
  repositoryId: string,
  { digest, manifest }: { readonly digest: string; readonly manifest: Manifest },
): Promise<void> {
  await insertManifest(client, digest, manifest)
  await client.query({
    name: 'cached_link',
    text: `insert into repository_manifest (repository_id, digest, media_type) values ($1, $2, $3)
           on conflict (repository_id, digest) do update set media_type = repository_manifest.media_type`,
    values: [repositoryId, digest, manifest.mediaType],
  })
}

/** Points a tag where the upstream has it, with the move that says who moved it. */
export async function observeTag(
  client: pg.PoolClient,
  repositoryId: string,
  { tag, digest }: { readonly tag: string; readonly digest: string },
): Promise<void> {
  const taken = await client.query(
    'insert into tag (repository_id, name, digest) values ($1, $2, $3) on conflict do nothing',
    [repositoryId, tag, digest],
  )
  let from: string | null = null
  if (taken.rowCount === 0) {
    const { rows } = await client.query<{ digest: string }>(
      'select digest from tag where repository_id = $1 and name = $2 for update',
      [repositoryId, tag],
    )
    // Forgotten between the two statements: it can be taken now.
    if (rows[0] === undefined) return observeTag(client, repositoryId, { tag, digest })
    from = rows[0].digest
    if (from === digest) return
    await client.query(
      'update tag set digest = $3, moved_at = now() where repository_id = $1 and name = $2',
      [repositoryId, tag, digest],
    )
  }
  await client.query(
    'insert into tag_move (repository_id, tag, from_digest, to_digest, observed) values ($1, $2, $3, $4, true)',
    [repositoryId, tag, from, digest],
  )
}

const MEMBER = `
  select rm.repository_id as id, t.digest as tagged
  from repository r join repository_manifest rm on rm.repository_id = r.id and rm.digest = $4
  left join tag t on t.repository_id = r.id and t.name = $3
  where r.feed_id = $1 and r.name = $2`

export const FORGET = `
  with gone as (
    delete from tag t using repository r
    where r.feed_id = $1 and r.name = $2 and t.repository_id = r.id and t.name = $3
    returning t.repository_id, t.name, t.digest)
  insert into tag_move (repository_id, tag, from_digest, observed) select repository_id, name, digest, true from gone`
