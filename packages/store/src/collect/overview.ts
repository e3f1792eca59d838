import type pg from 'pg'
import { asStoreError } from '../errors.ts'
import type { Collected } from './index.ts'
import type { Scrubbed } from './scrub.ts'

/** What is stored, how the last runs of the upkeep went, and what is damaged. Sizes are bytes. */
export interface StorageOverview {
  readonly blobs: Sum
  readonly manifests: Sum
  readonly uploads: Sum
  readonly awaitingRemoval: number
  readonly collection: (Collected & { readonly at: string }) | null
  readonly scrub: (Scrubbed & { readonly at: string }) | null
  /** Every blob was hashed since then; null without blobs. */
  readonly hashedSince: string | null
  readonly damaged: { readonly count: number; readonly items: readonly DamagedBlob[] }
}

interface Sum {
  readonly count: number
  readonly bytes: number
}

export interface DamagedBlob {
  readonly digest: string
  readonly size: number
  readonly since: string
  /** Some of those that hold it, as `feed/repository`. */
  readonly repositories: readonly string[]
}

const SHOWN = 100
const REPOSITORIES = 5

/** Writes down that a run has come to its end. */
export async function recordRun(
  pool: pg.Pool,
  work: 'collect' | 'scrub',
  result: Collected | Scrubbed,
): Promise<void> {
  await pool.query(
    `insert into upkeep (work, result) values ($1, $2)
     on conflict (work) do update set ended_at = now(), result = excluded.result`,
    [work, JSON.stringify(result)],
  )
}

/** Counts every blob and manifest, so it is for a page that a person looks at. @throws StoreError unavailable */
export async function storageOverview(pool: pg.Pool): Promise<StorageOverview> {
  try {
    const { rows: sums } = await pool.query<Sums>(SUMS)
    const { rows: damaged } = await pool.query<Omit<DamagedBlob, 'since'> & { since: Date }>(DAMAGED, [
      SHOWN,
      REPOSITORIES,
    ])
    const { blobs, blobBytes, manifests, manifestBytes, uploads, uploadBytes, ...of } = sums[0]!
    return {
      blobs: { count: blobs, bytes: blobBytes },
      manifests: { count: manifests, bytes: manifestBytes },
      uploads: { count: uploads, bytes: uploadBytes },
      awaitingRemoval: of.awaitingRemoval,
      collection: await lastRun<Collected>(pool, 'collect'),
      scrub: await lastRun<Scrubbed>(pool, 'scrub'),
      hashedSince: of.hashedSince?.toISOString() ?? null,
      damaged: {
        count: of.damaged,
        items: damaged.map((blob) => ({ ...blob, since: blob.since.toISOString() })),
      },
    }
  } catch (error) {
    throw asStoreError(error)
  }
}

async function lastRun<T>(pool: pg.Pool, work: 'collect' | 'scrub'): Promise<(T & { at: string }) | null> {
  const { rows } = await pool.query<{ at: Date; result: T }>(
    'select ended_at as at, result from upkeep where work = $1',
    [work],
  )
  return rows[0] === undefined ? null : { ...rows[0].result, at: rows[0].at.toISOString() }
}

interface Sums {
  readonly blobs: number
  readonly blobBytes: number
  readonly manifests: number
  readonly manifestBytes: number
  readonly uploads: number
  readonly uploadBytes: number
  readonly awaitingRemoval: number
  readonly hashedSince: Date | null
  readonly damaged: number
}

// float8 and int8 as float8: exact up to 2^53, which no storage reaches.
const SUMS = `
  select b.*, m.*, u.*, (select count(*)::float8 from storage_removal) as "awaitingRemoval"
  from (select count(*)::float8 as blobs, coalesce(sum(size), 0)::float8 as "blobBytes",
          min(scrubbed_at) filter (where quarantined_at is null) as "hashedSince",
          count(*) filter (where quarantined_at is not null)::float8 as damaged from blob) b,
    (select count(*)::float8 as manifests, coalesce(sum(octet_length(bytes)), 0)::float8 as "manifestBytes" from manifest) m,
    (select count(*)::float8 as uploads, coalesce(sum(received), 0)::float8 as "uploadBytes" from upload) u`

const DAMAGED = `
  select b.digest, b.size::float8 as size, b.quarantined_at as since,
    array(select n.name || '/' || r.name from repository_blob rb join repository r on r.id = rb.repository_id
          join feed_name n on n.feed_id = r.feed_id and n.is_current
          where rb.digest = b.digest order by 1 limit $2) as repositories
  from blob b where b.quarantined_at is not null order by b.quarantined_at, b.digest limit $1`
