import type { Manifest, Repository } from '@sluice/oci'
import type pg from 'pg'
import { readReferrers } from '../remotes/observe.ts'
import { sqlTransaction } from '../transaction.ts'
import type { LateScan } from './due.ts'
import { SUBJECTS } from './find.ts'

/** What cosign hangs on a digest by the name of a tag. */
const ENDS = ['sig', 'att', 'sbom'] as const

/**
 * Asks the registry of a remote source what refers to the image, its parts and what followed it, and records what is
 * new. All reading comes first. Postgres reads the manifests' bytes itself: the worker, which brings them, lets nothing
 * in by what it says of them.
 * @throws RegistryError, OciError; StoreError purged
 */
export async function observeLate(
  pool: pg.Pool,
  { admissionId, source }: LateScan,
  at: Repository,
  signal: AbortSignal,
): Promise<void> {
  const { rows: subjects } = await pool.query<{ digest: string }>(
    `with ${SUBJECTS} select digest from subject order by digest`,
    [admissionId],
  )
  const seen: { tag: string | null; digest: string; manifest: Manifest }[] = []
  for (const { digest: subject } of subjects) {
    signal.throwIfAborted()
    const place = { ...source, at }
    for (const [tag, digest, manifest] of await readReferrers(pool, place, subject, ENDS, signal)) {
      seen.push({ tag, digest, manifest })
    }
  }
  if (seen.length === 0) return
  await sqlTransaction(pool, async (client) => {
    for (const { tag, digest, manifest } of seen) {
      const { bytes, mediaType } = manifest
      await client.query('select observe_referrer($1, $2, $3, $4)', [
        source.repositoryId,
        digest,
        mediaType,
        Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      ])
      if (tag === null) continue
      await client.query(
        `insert into remote_tag (repository_id, name, digest) values ($1, $2, $3)
         on conflict (repository_id, name) do update set digest = excluded.digest`,
        [source.repositoryId, tag, digest],
      )
    }
  })
}
