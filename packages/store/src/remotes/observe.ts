import { digestOf, isDigest, type Manifest, referrersTag, type Repository, walkClosure } from '@sluice/oci'
import type pg from 'pg'
import { REFERRERS_LIMIT } from '../evidence/attached.ts'
import { platformImages } from '../evidence/platforms.ts'
import { insertManifest } from '../feed-index/manifest-rows.ts'
import { digestsOf, purgedOf } from '../feed-index/tombstone.ts'
import { enterRepository } from '../feed-index/repository.ts'
import { sqlTransaction } from '../transaction.ts'

/** A repository of a remote feed, and where it is asked. */
export interface Place {
  readonly feedId: string
  /** As the feed names it. */
  readonly repository: string
  readonly at: Repository
}

export interface Asking {
  /** What these tags point at. */
  readonly tags?: readonly string[]
  /** Everything of these images that can be read without its blobs: tags or digests. */
  readonly images?: readonly string[]
  /** Of the images, also what hangs on them and may carry evidence. */
  readonly evidence?: boolean
  readonly signal?: AbortSignal
}

/** What was seen, by what was asked for; null: there is nothing of that name. */
export type Seen = ReadonlyMap<string, string | null>

const AT_ONCE = 8

/**
 * Asks the registry and records what it serves: tags in `remote_tag`, manifests and their memberships where
 * the feed is not trusted (of a trusted one only a promotion says what is in it). All reading comes first, the
 * writing is one transaction: a registry that fails half way leaves nothing.
 * @throws RegistryError; OciError of a closure that is broken; StoreError purged
 */
export async function observe(pool: pg.Pool, place: Place, asking: Asking): Promise<Seen> {
  const { tags = [], images = [], signal } = asking
  const { at } = place
  const seen = new Map<string, string | null>()
  const names = [...new Set([...tags, ...images])]
  await eachOf(names, async (name) => {
    seen.set(name, (await at.resolve(name, signal))?.digest ?? null)
  })
  const manifests = new Map<string, Manifest>()
  const trusted = images.length > 0 && (await isTrusted(pool, place.feedId))
  if (!trusted) {
    const getManifest = (wanted: string) => at.getManifest(wanted, signal)
    await readImages(pool, place, asking, { seen, manifests, getManifest })
  }
  await record(pool, place, seen, manifests)
  return seen
}

/** What a look at a registry has found so far, and how it gets at a manifest. */
interface Look {
  readonly seen: Map<string, string | null>
  readonly manifests: Map<string, Manifest>
  readonly getManifest: (digest: string) => Promise<Manifest | null>
}

/** Adds the manifests of the images that were seen, and with `evidence` what hangs on them, its tags too. */
export async function readImages(
  pool: pg.Pool,
  place: Place,
  { images = [], evidence = false, signal }: Asking,
  { seen, manifests, getManifest }: Look,
): Promise<void> {
  for (const image of new Set(images)) {
    const digest = seen.get(image)
    if (digest == null) continue
    const closure = await readImage(getManifest, digest)
    for (const [each, manifest] of closure) manifests.set(each, manifest)
    if (!evidence) continue
    for (const subject of new Set([digest, ...platformImages(digest, closure).map((one) => one.digest)])) {
      for (const [tag, each, manifest] of await readReferrers(pool, place, subject, ['att', 'sig'], signal)) {
        manifests.set(each, manifest)
        if (tag !== null) seen.set(tag, each)
      }
    }
  }
}

/** The manifests of a closure by their digest, children first. */
async function readImage(
  getManifest: (digest: string) => Promise<Manifest | null>,
  digest: string,
): Promise<Map<string, Manifest>> {
  const found = new Map<string, Manifest>()
  const read = async (wanted: string): Promise<Manifest | null> => {
    const known = found.get(wanted)
    if (known !== undefined) return known
    const manifest = await getManifest(wanted)
    if (manifest !== null) found.set(wanted, manifest)
    return manifest
  }
  const root = await read(digest)
  if (root === null) return found
  const nodes = await walkClosure({ digest, mediaType: root.mediaType }, read)
  return new Map(
    nodes.flatMap(({ digest: each }): [string, Manifest][] => {
      const manifest = found.get(each)
      return manifest === undefined ? [] : [[each, manifest]]
    }),
  )
}

type Referrer = readonly [tag: string | null, digest: string, manifest: Manifest]

/** What was seen to refer to this digest before: by its digest it says the same for ever. */
async function knownReferrers(
  pool: pg.Pool,
  { feedId, repository }: Omit<Place, 'at'>,
  subject: string,
): Promise<ReadonlySet<string>> {
  const { rows } = await pool.query<{ digest: string }>(
    `select m.digest from repository r join repository_manifest rm on rm.repository_id = r.id
       join manifest m on m.digest = rm.digest
     where r.feed_id = $1 and r.name = $2 and m.subject_digest = $3`,
    [feedId, repository, subject],
  )
  return new Set(rows.map(({ digest }) => digest))
}

/**
 * What refers to a digest and was not seen before: by the API or its fallback tag, and what cosign hangs on an image by
 * the name of a tag. One more than may be, so that a reader of evidence sees that there are too many
 * (evidence/attached.ts). What was purged is left out: it is not taken again, and stops nothing that speaks beside it.
 */
export async function readReferrers(
  pool: pg.Pool,
  place: Place,
  subject: string,
  ends: readonly string[],
  signal?: AbortSignal,
): Promise<Referrer[]> {
  const { at } = place
  const listed = (await at.referrers(subject, signal, REFERRERS_LIMIT)).slice(0, REFERRERS_LIMIT + 1)
  const known = await knownReferrers(pool, place, subject)
  const purged = await purgedOf(
    pool,
    listed.map(({ digest }) => digest),
  )
  const read: Referrer[] = []
  const fresh = listed.filter(({ digest }) => !known.has(digest) && !purged.has(digest))
  await eachOf(fresh, async ({ digest }) => {
    const manifest = await at.getManifest(digest, signal)
    if (manifest !== null && manifest.kind === 'manifest') read.push([null, digest, manifest])
  })
  await eachOf(ends, async (end) => {
    const tag = `${referrersTag(subject)}.${end}`
    const manifest = await at.getManifest(tag, signal)
    if (manifest !== null && manifest.kind === 'manifest')
      read.push([tag, digestOf(manifest.bytes), manifest])
  })
  const bytesOf = read.map(([, , { bytes }]) => digestsOf(bytes))
  const gone = await purgedOf(pool, bytesOf.flat())
  return read.filter((_, at) => !bytesOf[at]?.some((digest) => gone.has(digest)))
}

async function isTrusted(pool: pg.Pool, feedId: string): Promise<boolean> {
  const { rows } = await pool.query<{ trusted: boolean }>('select trusted from feed where id = $1', [feedId])
  return rows[0]?.trusted ?? true
}

/** Records what was seen, in one transaction. */
export async function record(
  pool: pg.Pool,
  { feedId, repository }: Omit<Place, 'at'>,
  seen: Seen,
  manifests: ReadonlyMap<string, Manifest>,
): Promise<void> {
  const tags = [...seen].filter(([name]) => !isDigest(name)).sort(([a], [b]) => (a < b ? -1 : 1))
  const there = tags.filter(([, digest]) => digest !== null)
  const gone = tags.filter(([, digest]) => digest === null)
  await sqlTransaction(pool, async (client) => {
    if (gone.length > 0) {
      await client.query(
        `delete from remote_tag where name = any ($3)
           and repository_id = (select id from repository where feed_id = $1 and name = $2)`,
        [feedId, repository, gone.map(([name]) => name)],
      )
    }
    if (there.length === 0 && manifests.size === 0) return
    const id = await enterRepository(client, { feed: { id: feedId }, repository })
    for (const [digest, manifest] of manifests) {
      await insertManifest(client, digest, manifest)
      // Who pushed it is not known; from when it was first seen, it soaks.
      await client.query(
        `insert into repository_manifest (repository_id, digest, media_type) values ($1, $2, $3) on conflict do nothing`,
        [id, digest, manifest.mediaType],
      )
    }
    await client.query(
      `insert into remote_tag (repository_id, name, digest) select $1, t.name, t.digest
       from unnest($2::text[], $3::text[]) t (name, digest)
       on conflict (repository_id, name) do update set digest = excluded.digest`,
      [id, there.map(([name]) => name), there.map(([, digest]) => digest)],
    )
  })
}

/** A few at a time. */
export async function eachOf<T>(list: readonly T[], act: (one: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < list.length; at += AT_ONCE) await Promise.all(list.slice(at, at + AT_ONCE).map(act))
}
