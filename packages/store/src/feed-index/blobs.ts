import type { FeedIndex, RepositoryAddress } from '@sluice/feed'
import type pg from 'pg'
import { sqlTransaction } from '../transaction.ts'
import { quarantineBlob } from './integrity.ts'
import { chargeQuota } from './quota.ts'
import { enterRepository } from './repository.ts'

type Blobs = Pick<FeedIndex, 'findBlob' | 'quarantineBlob' | 'mountBlob'>

/** Blobs by membership: sharing bytes never shares access. */
export function feedBlobs(pool: pg.Pool): Blobs {
  return {
    async findBlob({ feed, repository }: RepositoryAddress, digest) {
      const { rows } = await pool.query<{ size: string; storageKey: string }>({
        name: 'blob_find',
        text: FIND,
        values: [feed.id, repository, digest],
      })
      return rows[0] ? { digest, size: Number(rows[0].size), storageKey: rows[0].storageKey } : null
    },

    async quarantineBlob(blob, damage) {
      await quarantineBlob(pool, blob, damage ?? 'not readable')
    },

    async mountBlob(address, digest, source) {
      const [feedIds, repository] =
        source.kind === 'repository'
          ? [[source.address.feed.id], source.address.repository]
          : [source.feedIds, null]
      return sqlTransaction(pool, async (client) => {
        const held = await client.query({
          name: 'blob_held',
          text: HELD,
          values: [digest, feedIds, repository],
        })
        if (held.rowCount === 0) return false
        const repositoryId = await enterRepository(client, address)
        await client.query({ name: 'blob_link', text: LINK, values: [repositoryId, digest] })
        await chargeQuota(client, repositoryId)
        return true
      })
    },
  }
}

export const LINK = `
  insert into repository_blob (repository_id, digest) values ($1, $2)
  on conflict (repository_id, digest) do update set linked_at = now()`

// Renewed once in ten minutes at most, so that pulling writes next to nothing; the collector's grace
// is an hour at the least. What the collector took while the renewal waited for it is not found: who is
// told that a blob is there has its grace. A trusted feed's links do not lapse, and nobody may write them.
const FIND = `
  with found as (
    select rb.repository_id, rb.linked_at, f.trusted, b.size, b.storage_key
    from repository r
    join feed f on f.id = r.feed_id
    join repository_blob rb on rb.repository_id = r.id and rb.digest = $3
    join blob b on b.digest = rb.digest and b.quarantined_at is null
    where r.feed_id = $1 and r.name = $2
  ), renewed as (
    update repository_blob rb set linked_at = now() from found
    where not found.trusted and found.linked_at < now() - interval '10 minutes'
      and rb.repository_id = found.repository_id and rb.digest = $3
    returning rb.digest
  )
  select size, storage_key as "storageKey" from found
  where trusted or linked_at >= now() - interval '10 minutes' or exists (select from renewed)`

// Locked until the new link is there, so that the collector cannot take the blob between the two.
const HELD = `
  select rb.digest
  from repository r
  join repository_blob rb on rb.repository_id = r.id and rb.digest = $1
  join blob b on b.digest = rb.digest and b.quarantined_at is null
  where r.feed_id = any ($2) and ($3::text is null or r.name = $3)
  limit 1 for key share of rb`
