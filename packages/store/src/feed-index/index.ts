import type { FeedIndex } from '@sluice/feed'
import type pg from 'pg'
import { feedBlobs } from './blobs.ts'
import { putManifest } from './push.ts'
import { feedReads } from './reads.ts'
import { deleteBlob, deleteManifest, deleteTag } from './removal.ts'
import { askedTogether } from './together.ts'
import { feedUploads } from './uploads.ts'

/** The metadata port of `@sluice/feed` on Postgres. Ordinary pushes leave `tag_move` rows, no audit entries. */
export function feedIndex(pool: pg.Pool): FeedIndex {
  const reads = feedReads(pool)
  return {
    ...reads,
    // Every request of `/v2` begins with it, and most are to few feeds.
    findFeed: askedTogether(reads.findFeed),
    putManifest: (push) => putManifest(pool, push),
    deleteManifest: (address, digest, principalId) => deleteManifest(pool, address, digest, principalId),
    deleteTag: (address, tag, principalId) => deleteTag(pool, address, tag, principalId),
    ...feedBlobs(pool),
    deleteBlob: (address, digest) => deleteBlob(pool, address, digest),
    ...feedUploads(pool),
  }
}
