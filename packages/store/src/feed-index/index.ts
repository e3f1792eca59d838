import type { FeedIndex } from '@sluice/feed'
import type pg from 'pg'
import { feedBlobs } from './blobs.ts'
import { cachedContent } from './cached.ts'
import { feedLists } from './lists.ts'
import { manifestReads } from './manifests.ts'
import { putManifest } from './push.ts'
import { deleteBlob, deleteManifest, deleteTag } from './removal.ts'
import { feedUploads } from './uploads.ts'

/** The metadata port of `@sluice/feed` on Postgres. Ordinary pushes leave `tag_move` rows, no audit entries. */
export function feedIndex(pool: pg.Pool): FeedIndex {
  return {
    ...manifestReads(pool),
    ...feedLists(pool),
    putManifest: (push) => putManifest(pool, push),
    deleteManifest: (address, digest, principalId) => deleteManifest(pool, address, digest, principalId),
    deleteTag: (address, tag, principalId) => deleteTag(pool, address, tag, principalId),
    ...feedBlobs(pool),
    deleteBlob: (address, digest) => deleteBlob(pool, address, digest),
    ...feedUploads(pool),
    ...cachedContent(pool),
  }
}
