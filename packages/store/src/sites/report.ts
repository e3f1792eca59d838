import type pg from 'pg'
import type { Actor } from '../actor.ts'
import { sqlTransaction } from '../transaction.ts'
import { missing } from './sites.ts'

/** One image that runs: its digest as the runtime has it, and the reference that it was started by. */
export interface RunningItem {
  readonly digest: string
  readonly image?: string | undefined
}

/** What a report changed. */
export interface ReportView {
  readonly site: string
  readonly reportedAt: string
  /** Distinct digests that run there now. */
  readonly digests: number
  readonly began: number
  readonly ended: number
}

/** References kept of one digest. */
const IMAGES = 10

/**
 * Makes the list what runs in the site now: what is new has begun, what is missing has ended. The history has a row for
 * each change, not for each report. @throws StoreError not_found
 */
export function report(
  pool: pg.Pool,
  actor: Actor,
  siteId: string,
  items: readonly RunningItem[],
): Promise<ReportView> {
  const images = new Map<string, Set<string>>()
  for (const { digest, image } of items) {
    const known = images.get(digest) ?? new Set()
    if (image !== undefined && known.size < IMAGES) known.add(image)
    images.set(digest, known)
  }
  const rows = JSON.stringify([...images].map(([digest, named]) => ({ digest, images: [...named].sort() })))
  return sqlTransaction(pool, async (client) => {
    // Reports of one site are taken one after the other: the last one stands.
    const { rows: sites } = await client.query<{ name: string }>(
      'select name from site where id = $1 and deleted_at is null for update',
      [siteId],
    )
    if (sites[0] === undefined) throw missing(siteId)
    const { rowCount: ended } = await client.query(
      `update running_image set ended_at = now()
       where site_id = $1 and ended_at is null and digest <> all ($2)`,
      [siteId, [...images.keys()]],
    )
    await client.query(
      `update running_image r set images = i.images from ${ITEMS}
       where r.site_id = $1 and r.ended_at is null and r.digest = i.digest and r.images <> i.images`,
      [siteId, rows],
    )
    const { rowCount: began } = await client.query(
      `insert into running_image (site_id, digest, images)
       select $1, i.digest, i.images from ${ITEMS} order by i.digest
       on conflict (digest, site_id) where ended_at is null do nothing`,
      [siteId, rows],
    )
    const { rows: at } = await client.query<{ reportedAt: Date }>(
      `update site set reported_at = now(), reported_by = $2 where id = $1 returning reported_at as "reportedAt"`,
      [siteId, actor.principalId],
    )
    return {
      site: sites[0].name,
      reportedAt: at[0]!.reportedAt.toISOString(),
      digests: images.size,
      began: began ?? 0,
      ended: ended ?? 0,
    }
  })
}

const ITEMS = 'jsonb_to_recordset($2::jsonb) as i (digest text, images text[])'
