import { FeedError, type FeedIndex, type StoredBlob } from '@sluice/feed'
import type pg from 'pg'
import { isId, newId } from '../id.ts'
import { sqlTransaction } from '../transaction.ts'
import { LINK } from './blobs.ts'
import { healBlob } from './integrity.ts'
import { chargeOpen, chargeQuota, requireRoom } from './quota.ts'
import { enterRepository } from './repository.ts'
import { isPurged, refusedAsPurged } from './tombstone.ts'

type Uploads = Pick<
  FeedIndex,
  | 'openUpload'
  | 'findUpload'
  | 'claimUpload'
  | 'renewUpload'
  | 'advanceUpload'
  | 'finishUpload'
  | 'cancelUpload'
>

// The column holds milliseconds and would round up: a lease must not outlive itself.
const leaseEnd = (ms: string) => `date_trunc('milliseconds', clock_timestamp() + ${ms} * interval '1 ms')`

/** Uploads in progress: one writer at a time, by a lease that ends by itself. */
export function feedUploads(pool: pg.Pool): Uploads {
  return {
    openUpload(address, storageKey, principalId) {
      return sqlTransaction(pool, async (client) => {
        const id = newId()
        const repositoryId = await enterRepository(client, address)
        const quota = await requireRoom(client, repositoryId)
        await client.query(
          'insert into upload (id, repository_id, principal_id, storage_key) values ($1, $2, $3, $4)',
          [id, repositoryId, principalId, storageKey],
        )
        return { id, storageKey, offset: 0, hashed: null, ...(quota && { quota }) }
      })
    },

    async findUpload({ feed, repository }, id, principalId) {
      if (!isId(id)) return null
      const { rows } = await pool.query<UploadRow>({
        name: 'upload_find',
        text: UPLOAD,
        values: [id, principalId, feed.id, repository],
      })
      if (!rows[0]) return null
      const { storageKey, received, digest, by, quota, used } = rows[0]
      const hashed = digest === null || by === null ? null : { digest, by }
      const state = quota === null ? {} : { quota: { quota, used } }
      return { id, storageKey, offset: Number(received), hashed, ...state }
    },

    async claimUpload(id, offset, leaseMs) {
      if (!isId(id)) return null
      const claimId = newId()
      const { rowCount } = await pool.query({
        name: 'upload_claim',
        text: `update upload set claim_id = $2, claim_until = ${leaseEnd('$4')}
               where id = $1 and received = $3 and (claim_until is null or claim_until <= clock_timestamp())`,
        values: [id, claimId, offset, leaseMs],
      })
      return rowCount === 1 ? { uploadId: id, claimId } : null
    },

    async renewUpload({ uploadId, claimId }, leaseMs) {
      const { rowCount } = await pool.query({
        name: 'upload_renew',
        text: `update upload set claim_until = ${leaseEnd('$3')} where id = $1 and claim_id = $2`,
        values: [uploadId, claimId, leaseMs],
      })
      return rowCount === 1
    },

    async advanceUpload({ uploadId, claimId }, offset, hashed = null) {
      const values = [uploadId, claimId, offset, hashed?.digest ?? null, hashed?.by ?? null]
      const { rowCount } = await pool.query({
        name: 'upload_advance',
        text: `${ADVANCE} and not exists (select from repository r join feed f on f.id = r.feed_id
                 where r.id = u.repository_id and f.quota_bytes is not null)`,
        values,
      })
      if (rowCount === 1) return true
      // In a feed with a quota, or not ours any more.
      return sqlTransaction(pool, async (client) => {
        const { rows } = await client.query<{ repositoryId: string; grown: string }>({
          name: 'upload_advance_charged',
          text: `${ADVANCE} returning u.repository_id as "repositoryId", u.received - old.received as grown`,
          values,
        })
        if (!rows[0]) return false
        const grown = Number(rows[0].grown)
        if (grown > 0) await chargeOpen(client, rows[0].repositoryId, grown)
        return true
      })
    },

    async finishUpload({ uploadId, claimId }, { digest, size, storageKey }) {
      const finish = sqlTransaction(pool, async (client) => {
        const ended = await client.query<{ repository_id: string; principal_id: string }>({
          name: 'upload_finish',
          text: 'delete from upload where id = $1 and claim_id = $2 returning repository_id, principal_id',
          values: [uploadId, claimId],
        })
        if (!ended.rows[0]) {
          throw new FeedError('BLOB_UPLOAD_UNKNOWN', 'the upload has ended, or another request took it over')
        }
        const { repository_id: repositoryId, principal_id: principalId } = ended.rows[0]
        const superfluous = await storeBlob(client, { digest, size, storageKey }, principalId)
        await client.query({ name: 'blob_link', text: LINK, values: [repositoryId, digest] })
        await chargeQuota(client, repositoryId)
        return { superfluous }
      })
      return finish.catch(async (error: unknown) => {
        throw (isPurged(error) ? await refusedAsPurged(pool, digest) : null) ?? error
      })
    },

    async cancelUpload({ feed, repository }, id, principalId) {
      if (!isId(id)) return null
      const { rows } = await pool.query<{ storageKey: string }>(
        `delete from upload u using repository r
         where u.id = $1 and u.principal_id = $2 and r.id = u.repository_id and r.feed_id = $3 and r.name = $4
         returning u.storage_key as "storageKey"`,
        [id, principalId, feed.id, repository],
      )
      return rows[0]?.storageKey ?? null
    },
  }
}

const ADVANCE = `
  update upload u set received = $3, claim_id = null, claim_until = null, updated_at = now(),
    hashed_digest = case when $4::text is null and u.received = $3 then u.hashed_digest else $4 end,
    hashed_by = case when $4::text is null and u.received = $3 then u.hashed_by else $5::uuid end
  from (select id, received from upload where id = $1 and claim_id = $2 for update) old
  where u.id = old.id and u.claim_id = $2`

interface UploadRow {
  readonly storageKey: string
  readonly received: string
  readonly digest: string | null
  readonly by: string | null
  readonly quota: number | null
  readonly used: number
}

const UPLOAD = `
  select u.storage_key as "storageKey", u.received, u.hashed_digest as digest, u.hashed_by as by,
    f.quota_bytes::float8 as quota,
    case when f.quota_bytes is not null then
      (select coalesce(sum(fu.bytes), 0) from feed_usage fu where fu.feed_id = f.id)
      + (select coalesce(sum(o.received), 0) from upload o join repository p on p.id = o.repository_id
         where p.feed_id = f.id and o.id <> u.id) end::float8 as used
  from upload u join repository r on r.id = u.repository_id join feed f on f.id = r.feed_id
  where u.id = $1 and u.principal_id = $2 and r.feed_id = $3 and r.name = $4`

/**
 * Keeps the bytes that are there unless they are quarantined; answers the key of those not kept. The
 * row stays locked, so that the collector cannot take it before it is linked. @param principalId null: an upstream's
 */
export async function storeBlob(
  client: pg.PoolClient,
  blob: StoredBlob,
  principalId: string | null,
): Promise<string | null> {
  const { digest, size, storageKey } = blob
  const inserted = await client.query({
    name: 'blob_insert',
    text: 'insert into blob (digest, size, storage_key) values ($1, $2, $3) on conflict (digest) do nothing',
    values: [digest, size, storageKey],
  })
  if (inserted.rowCount === 1) return null
  const { rows } = await client.query<{ quarantined: boolean }>({
    name: 'blob_hold',
    text: 'select quarantined_at is not null as quarantined from blob where digest = $1 for update',
    values: [digest],
  })
  // Collected between the two statements: it is new again.
  if (!rows[0]) return storeBlob(client, blob, principalId)
  return rows[0].quarantined ? healBlob(client, blob, principalId) : storageKey
}
