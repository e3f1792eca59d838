import type pg from 'pg'
import type { Connected } from './connect.ts'
import { nameThere } from './connect.ts'
import { type Compared, compare, readLedger, type SeenTag } from './compare.ts'
import { asRemoteError } from './failure.ts'

/** What somebody says has changed; hints at where to look, and never believed. */
export interface Hint {
  /** As the registry calls it. */
  readonly repository: string
  /** Null: some tag of it, perhaps one that was removed. */
  readonly tag: string | null
}

/** Milliseconds. */
const PATIENCE_MS = 20_000
const TAGS_LIMIT = 500

/** Reads these tags of a feed's registry now, and compares them. @throws StoreError remote_unavailable, remote_refused */
export async function compareNow(
  pool: pg.Pool,
  { access, repository: open }: Connected,
  wanted: readonly { readonly repository: string; readonly tag: string }[],
): Promise<Compared> {
  const { feedId, feed } = access
  const repositories = [...new Set(wanted.map(({ repository }) => repository))]
  const { at, tags: ledger } = await readLedger(pool, feedId, repositories)
  const promoted = new Map(ledger.map(({ repository, tag, digest }) => [`${repository} ${tag}`, digest]))
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const seen: SeenTag[] = []
  try {
    for (const { repository, tag } of wanted.slice(0, TAGS_LIMIT)) {
      const found = await open(repository).resolve(tag, signal, promoted.get(`${repository} ${tag}`))
      seen.push({ repository, tag, digest: found?.digest ?? null, called: found?.called ?? null })
    }
  } catch (error) {
    throw asRemoteError(error, feed)
  }
  return compare(pool, feedId, { at, seen })
}

/** The tags of this feed that hints are about: in repositories that it knows, and of the ledger where no tag is named. */
export async function hinted(
  pool: pg.Pool,
  { access }: Connected,
  hints: readonly Hint[],
): Promise<{ repository: string; tag: string }[]> {
  const { rows } = await pool.query<{ name: string; tags: string[] }>(
    `select r.name, array(select t.name from tag t where t.repository_id = r.id order by t.name) as tags
     from repository r where r.feed_id = $1 order by r.name collate "C"`,
    [access.feedId],
  )
  return rows.flatMap(({ name: repository, tags }) => {
    const own = hints.filter((hint) => hint.repository === nameThere(access, repository))
    const named = own.flatMap(({ tag }) => tag ?? tags)
    return [...new Set(named)].map((tag) => ({ repository, tag }))
  })
}
