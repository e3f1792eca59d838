import { setTimeout as pause } from 'node:timers/promises'
import { type BlobStorage, FeedError, type StoredBlob } from '@sluice/feed'
import { createHasher, parseDigest } from '@sluice/oci'
import type pg from 'pg'
import { type Damage, quarantineBlob } from '../feed-index/integrity.ts'

export interface ScrubOptions {
  /** Reading goes no faster than this, so that clients come first. */
  readonly bytesPerSecond: number
  /** Blobs that were hashed within this time are left alone. */
  readonly restMs: number
  readonly signal: AbortSignal
  /** Hears of each blob that was quarantined. */
  readonly onDamage?: (damaged: Damaged) => void
}

export interface Damaged {
  readonly digest: string
  readonly damage: Damage
}

export interface Scrubbed {
  readonly blobs: number
  readonly bytes: number
  readonly damaged: number
}

const ROWS = 50

/**
 * Hashes stored blobs again, those first that were not looked at for longest, and quarantines what does
 * not match (entry `blob.quarantined`), until all were looked at within `restMs` or the signal comes.
 */
export async function scrub(pool: pg.Pool, storage: BlobStorage, options: ScrubOptions): Promise<Scrubbed> {
  const { restMs, signal, onDamage } = options
  let [blobs, bytes, damaged] = [0, 0, 0]
  for (let due = await oldest(pool, restMs); due.length > 0; due = await oldest(pool, restMs)) {
    for (const blob of due) {
      if (signal.aborted) return { blobs, bytes, damaged }
      const damage = await inspect(storage, blob, options)
      if (damage === 'interrupted') return { blobs, bytes, damaged }
      if (damage !== null && (await quarantineBlob(pool, blob, damage))) {
        damaged++
        onDamage?.({ digest: blob.digest, damage })
      }
      await pool.query('update blob set scrubbed_at = now() where digest = $1 and storage_key = $2', [
        blob.digest,
        blob.storageKey,
      ])
      blobs++
      bytes += blob.size
    }
  }
  return { blobs, bytes, damaged }
}

async function oldest(pool: pg.Pool, restMs: number): Promise<StoredBlob[]> {
  const { rows } = await pool.query<{ digest: string; size: string; storageKey: string }>(
    `select digest, size, storage_key as "storageKey" from blob
     where quarantined_at is null and scrubbed_at < now() - $1 * interval '1 ms'
     order by scrubbed_at limit ${ROWS}`,
    [restMs],
  )
  return rows.map((row) => ({ ...row, size: Number(row.size) }))
}

async function inspect(
  storage: BlobStorage,
  { digest, size, storageKey }: StoredBlob,
  { bytesPerSecond, signal }: ScrubOptions,
): Promise<Damage | 'interrupted' | null> {
  const hasher = createHasher(parseDigest(digest).algorithm)
  if (size > 0) {
    try {
      const began = performance.now()
      let read = 0
      for await (const chunk of storage.read(storageKey, { start: 0, end: size - 1 })) {
        if (signal.aborted) return 'interrupted'
        hasher.update(chunk)
        read += chunk.length
        const ahead = (read / bytesPerSecond) * 1000 - (performance.now() - began)
        if (ahead > 1) await pause(ahead, undefined, { signal }).catch(() => {})
      }
    } catch (error) {
      if (error instanceof FeedError && error.code === 'BLOB_MISSING') return 'missing'
      if (isDeviceError(error)) return 'not readable'
      throw error
    }
  }
  return hasher.digest() === digest ? null : 'wrong digest'
}

/** The disk gives a sector back no more. Anything else (too many files, no right) says nothing of the bytes. */
function isDeviceError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EIO'
}
