import type { BlobStorage } from '@sluice/feed'
import type { Connections } from '../transaction.ts'
import { exclusively } from './exclusive.ts'
import { collectBlobs, collectManifests, endIdleUploads, forgetObserved, unlinkBlobs } from './garbage.ts'
import { removeOrphans } from './orphans.ts'
import { ownStorage } from './owner.ts'
import { recordRun } from './overview.ts'
import { removeQueued } from './removals.ts'
import { applyRetention } from './retention.ts'
import { type ScrubOptions, type Scrubbed, scrub } from './scrub.ts'

export type { Damaged, Scrubbed, ScrubOptions } from './scrub.ts'

export interface CollectOptions {
  /** How long what nothing refers to stays, at least an hour: pushes that are under way need it. */
  readonly graceMs?: number
  /** Ends the pass between two batches. */
  readonly signal?: AbortSignal
}

/** What one pass took away. */
export interface Collected {
  /** Manifests that the feeds' retention rules let go of. */
  readonly retired: number
  /** Manifests seen in remote repositories that nothing names any more. */
  readonly forgotten: number
  readonly uploads: number
  readonly links: number
  readonly manifests: number
  readonly blobs: number
  /** Objects removed from the storage: those of blobs and uploads, and those that no row knew. */
  readonly objects: number
  readonly orphans: number
  /** The storage is another database's, or not there: nothing was looked for in it. */
  readonly foreign: boolean
}

/** One batch: short, because it holds locks. */
export interface Batch {
  readonly graceMs: number
  readonly signal: AbortSignal
}

const DAY_MS = 24 * 60 * 60 * 1000
const COLLECTING = 'sluice collect'
const SCRUBBING = 'sluice scrub'

/**
 * Garbage collection and scrubbing, online and one at a time over all workers. What may go is decided by
 * Postgres, blob by blob (invariant 7; docs/storage.md).
 */
export function collector({ pool }: Connections) {
  return {
    /** One pass. Null: another worker collects. @throws StoreError unavailable, and the storage's errors */
    collect(storage: BlobStorage, options: CollectOptions = {}): Promise<Collected | null> {
      const batch: Batch = {
        graceMs: options.graceMs ?? DAY_MS,
        signal: options.signal ?? new AbortController().signal,
      }
      return exclusively(pool, COLLECTING, async () => {
        const retired = await applyRetention(pool, batch.signal)
        const forgotten = await forgetObserved(pool, batch)
        const uploads = await endIdleUploads(pool, batch)
        const manifests = await collectManifests(pool, batch)
        const links = await unlinkBlobs(pool, batch)
        const blobs = await collectBlobs(pool, batch)
        await pool.query('select settle_feed_usage()')
        const objects = await removeQueued(pool, storage, batch)
        const owned = await ownStorage(pool, storage)
        const orphans = owned === null ? 0 : await removeOrphans(pool, storage, owned, batch)
        const collected = {
          retired,
          forgotten,
          uploads,
          links,
          manifests,
          blobs,
          objects,
          orphans,
          foreign: owned === null,
        }
        if (!batch.signal.aborted) await recordRun(pool, 'collect', collected)
        return collected
      })
    },

    /** Re-hashes the blobs that were not looked at for longest. Null: another worker does, or the storage is foreign. */
    scrub(storage: BlobStorage, options: ScrubOptions): Promise<Scrubbed | null> {
      return exclusively(pool, SCRUBBING, async () => {
        if ((await ownStorage(pool, storage)) === null) return null
        const scrubbed = await scrub(pool, storage, options)
        if (!options.signal.aborted) await recordRun(pool, 'scrub', scrubbed)
        return scrubbed
      })
    },
  }
}
