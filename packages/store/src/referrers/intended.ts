import { OCI_MANIFEST } from '@sluice/oci'
import { type Carried } from '@sluice/promotion'
import type pg from 'pg'
import type { LateScan } from './due.ts'
import type { Late } from './find.ts'

/**
 * What an earlier scan was about to push to the registry of a remote target, as it was decided then: it is finished,
 * also when the source has another by now, or none.
 */
export async function intendedLate(pool: pg.Pool, { admissionId, source }: LateScan): Promise<Late[]> {
  const { rows } = await pool.query<Row>(
    `select l.id, l.subject, l.digest, l.tag, l.carries, rm.media_type as "mediaType", m.bytes
     from late_referrer l join manifest m on m.digest = l.digest
       left join repository_manifest rm on rm.repository_id = $2 and rm.digest = l.digest
     where l.admission_id = $1 and l.state = 'intended' order by l.found_at, l.id`,
    [admissionId, source.repositoryId],
  )
  return rows.map(({ bytes, mediaType, ...late }) => ({
    ...late,
    mediaType: mediaType ?? ownMediaType(bytes),
    intended: true,
  }))
}

interface Row {
  readonly id: string
  readonly subject: string
  readonly digest: string
  readonly tag: string
  readonly carries: readonly Carried[]
  /** Null: the source has lost it. */
  readonly mediaType: string | null
  readonly bytes: Buffer
}

function ownMediaType(bytes: Buffer): string {
  const { mediaType }: { mediaType?: unknown } = JSON.parse(bytes.toString())
  return typeof mediaType === 'string' ? mediaType : OCI_MANIFEST
}
