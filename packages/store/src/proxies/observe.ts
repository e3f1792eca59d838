import { isDigest, type Manifest, parseManifest } from '@sluice/oci'
import type pg from 'pg'
import { FORGET, linkManifest, observeTag } from '../feed-index/cached.ts'
import { enterRepository } from '../feed-index/repository.ts'
import { type Asking, eachOf, type Place, readImages, type Seen } from '../remotes/observe.ts'
import { StoreError } from '../errors.ts'
import { sqlTransaction } from '../transaction.ts'

/**
 * Asks the upstream of a proxy feed, and keeps what it serves as a pull would: tags where they are there now, and every
 * manifest of the images, with what hangs on them. Manifests that are kept already are not fetched again, and an image
 * that is named by its digest alone and kept whole asks nobody. Its blobs come when they are copied or pulled.
 * @throws RegistryError; OciError of a closure that is broken; StoreError purged
 */
export async function observeUpstream(pool: pg.Pool, place: Place, asking: Asking): Promise<Seen> {
  const { tags = [], images = [], signal } = asking
  const { at } = place
  const seen = new Map<string, string | null>()
  const manifests = new Map<string, Manifest>()
  const getManifest = async (digest: string): Promise<Manifest | null> => {
    const kept = manifests.get(digest) ?? (await readKept(pool, place, digest))
    if (kept === null) await refusePurged(pool, digest)
    const manifest = kept ?? (await at.getManifest(digest, signal))
    if (manifest !== null) manifests.set(digest, manifest)
    return manifest
  }
  await eachOf([...new Set([...tags, ...images])], async (name) => {
    const digest = isDigest(name) ? name : ((await at.resolve(name, signal))?.digest ?? null)
    seen.set(name, digest === null || (await getManifest(digest)) === null ? null : digest)
  })
  await readImages(pool, place, asking, { seen, manifests, getManifest })
  await keep(pool, place, seen, manifests)
  return seen
}

/** Before it is fetched: Postgres would refuse it afterwards. @throws StoreError purged */
async function refusePurged(pool: pg.Pool, digest: string): Promise<void> {
  const { rowCount } = await pool.query('select from tombstone where digest = $1', [digest])
  if (rowCount === 0) return
  throw new StoreError('purged', `${digest} was purged; its bytes are not taken again`)
}

async function readKept(
  pool: pg.Pool,
  { feedId, repository }: Place,
  digest: string,
): Promise<Manifest | null> {
  const { rows } = await pool.query<{ bytes: Buffer; mediaType: string }>(
    `select m.bytes, rm.media_type as "mediaType"
     from repository r join repository_manifest rm on rm.repository_id = r.id join manifest m on m.digest = rm.digest
     where r.feed_id = $1 and r.name = $2 and rm.digest = $3`,
    [feedId, repository, digest],
  )
  return rows[0] ? parseManifest(rows[0].bytes, rows[0].mediaType) : null
}

/** All of it, or nothing: a registry that fails half way leaves nothing. */
function keep(
  pool: pg.Pool,
  { feedId, repository }: Place,
  seen: Seen,
  manifests: ReadonlyMap<string, Manifest>,
): Promise<void> {
  // In one order for all, so that two never wait for each other.
  const tags = [...seen].filter(([name]) => !isDigest(name)).sort(([a], [b]) => (a < b ? -1 : 1))
  const whole = [...manifests].sort(([a], [b]) => (a < b ? -1 : 1))
  return sqlTransaction(pool, async (client) => {
    if (whole.length > 0) {
      const id = await enterRepository(client, { feed: { id: feedId }, repository })
      for (const [digest, manifest] of whole) await linkManifest(client, id, { digest, manifest })
      for (const [tag, digest] of tags) if (digest !== null) await observeTag(client, id, { tag, digest })
    }
    for (const [tag, digest] of tags) {
      if (digest === null) await client.query(FORGET, [feedId, repository, tag])
    }
  })
}
