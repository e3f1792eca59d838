import type pg from 'pg'
import type { Batch } from './index.ts'

// Each of these finds candidates by a plain read, in the order of a key, and offers them to the function
// of the migration `collect` that looks again, under the row's lock, in the transaction that deletes.

const ROWS = 500

/** Ends links of untrusted repositories that no manifest there needs; answers how many. */
export async function unlinkBlobs(pool: pg.Pool, batch: Batch): Promise<number> {
  return pages(batch, async (after: { repository: string; digest: string } | null) => {
    const { rows } = await pool.query<{ repository: string; digest: string }>(
      `select rb.repository_id as repository, rb.digest
       from repository_blob rb
       join repository r on r.id = rb.repository_id join feed f on f.id = r.feed_id and not f.trusted
       where (rb.repository_id, rb.digest) > ($1::uuid, $2) and rb.linked_at < now() - $3 * interval '1 ms'
         and not exists (
           select from manifest_edge e join repository_manifest rm on rm.digest = e.parent_digest
           where e.child_digest = rb.digest and rm.repository_id = rb.repository_id)
       order by rb.repository_id, rb.digest limit ${ROWS}`,
      [after?.repository ?? NO_ID, after?.digest ?? '', batch.graceMs],
    )
    const taken = await pool.query(
      `select from unnest($1::uuid[], $2::text[]) c (repository, digest)
       where unlink_blob(c.repository, c.digest, $3 * interval '1 ms')`,
      [rows.map(({ repository }) => repository), rows.map(({ digest }) => digest), batch.graceMs],
    )
    return { taken: taken.rowCount ?? 0, last: rows[ROWS - 1] ?? null }
  })
}

/** Deletes blobs that no repository holds; answers how many. Their keys are queued for removal. */
export function collectBlobs(pool: pg.Pool, batch: Batch): Promise<number> {
  return collectRows(pool, batch, {
    candidates: `
      select b.digest from blob b
      where b.digest > $1 and b.stored_at < now() - $2 * interval '1 ms'
        and not exists (select from repository_blob rb where rb.digest = b.digest)
      order by b.digest limit ${ROWS}`,
    take: `select from unnest($1::text[]) c (digest) where collect_blob(c.digest, $2 * interval '1 ms') is not null`,
  })
}

/** Deletes manifests that are in no repository; answers how many. */
export function collectManifests(pool: pg.Pool, batch: Batch): Promise<number> {
  return collectRows(pool, batch, {
    candidates: `
      select m.digest from manifest m
      where m.digest > $1 and m.stored_at < now() - $2 * interval '1 ms'
        and not exists (select from repository_manifest rm where rm.digest = m.digest)
      order by m.digest limit ${ROWS}`,
    take: `select from unnest($1::text[]) c (digest) where collect_manifest(c.digest, $2 * interval '1 ms')`,
  })
}

/** How long what was seen in a remote repository is remembered when nothing names it any more. */
const OBSERVED_MS = 90 * 24 * 60 * 60 * 1000

/** Forgets manifests seen in untrusted remote repositories that nothing names or awaits; answers how many. */
export async function forgetObserved(pool: pg.Pool, batch: Batch): Promise<number> {
  const graceMs = Math.max(batch.graceMs, OBSERVED_MS)
  return pages(batch, async (after: { repository: string; digest: string } | null) => {
    const { rows } = await pool.query<{ repository: string; digest: string }>(
      `select rm.repository_id as repository, rm.digest
       from feed f join repository r on r.feed_id = f.id join repository_manifest rm on rm.repository_id = r.id
       where f.kind = 'remote' and not f.trusted and (rm.repository_id, rm.digest) > ($1::uuid, $2)
         and rm.pushed_at < now() - $3 * interval '1 ms'
         and not exists (select from remote_tag o where o.repository_id = rm.repository_id and o.digest = rm.digest)
       order by rm.repository_id, rm.digest limit ${ROWS}`,
      [after?.repository ?? NO_ID, after?.digest ?? '', graceMs],
    )
    const taken = await pool.query(
      `select from unnest($1::uuid[], $2::text[]) c (repository, digest)
       where forget_observed(c.repository, c.digest, $3 * interval '1 ms')`,
      [rows.map(({ repository }) => repository), rows.map(({ digest }) => digest), graceMs],
    )
    return { taken: taken.rowCount ?? 0, last: rows[ROWS - 1] ?? null }
  })
}

/** Ends uploads that nobody wrote to for the time of grace; answers how many. */
export function endIdleUploads(pool: pg.Pool, batch: Batch): Promise<number> {
  return pages(batch, async () => {
    const { rows } = await pool.query<{ ended: number }>(
      `select end_idle_uploads($1 * interval '1 ms', ${ROWS}) as ended`,
      [batch.graceMs],
    )
    const taken = rows[0]?.ended ?? 0
    return { taken, last: taken === ROWS ? taken : null }
  })
}

const NO_ID = '00000000-0000-0000-0000-000000000000'

function collectRows(
  pool: pg.Pool,
  batch: Batch,
  { candidates, take }: { candidates: string; take: string },
): Promise<number> {
  return pages(batch, async (after: string | null) => {
    const { rows } = await pool.query<{ digest: string }>(candidates, [after ?? '', batch.graceMs])
    const digests = rows.map(({ digest }) => digest)
    const { rowCount } = await pool.query(take, [digests, batch.graceMs])
    return { taken: rowCount ?? 0, last: digests[ROWS - 1] ?? null }
  })
}

/** Goes on from the `last` of each page until there is none; answers the sum of what was taken. */
async function pages<Key>(
  { signal }: Batch,
  page: (after: Key | null) => Promise<{ taken: number; last: Key | null }>,
): Promise<number> {
  let sum = 0
  let after: Key | null = null
  do {
    if (signal.aborted) break
    const { taken, last }: { taken: number; last: Key | null } = await page(after)
    sum += taken
    after = last
  } while (after !== null)
  return sum
}
