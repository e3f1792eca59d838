import { releaseFor } from '../feed-index/virtual.ts'
import { asking, type Transaction } from '../transaction.ts'
import { type AdmissionView, readAdmissions } from './admissions.ts'
import { readStanding, type StandingRecallView } from './recalled.ts'

export interface VerifyQuestion {
  readonly feedId: string
  readonly repository: string
  /** A digest, when both are given. */
  readonly tag?: string
  readonly digest?: string
}

/** May this image run? `admission` tells who let it in. */
export interface VerifyAnswer {
  readonly allowed: boolean
  readonly digest: string | null
  readonly reason: 'admitted' | 'feed_not_trusted' | 'not_in_feed' | 'recalled'
  readonly admission: AdmissionView | null
  /** What stands against it. */
  readonly recall: StandingRecallView | null
}

interface Row {
  readonly trusted: boolean
  readonly remote: boolean
  readonly digest: string | null
  readonly admissionId: string | null
  readonly recallId: string | null
}

/**
 * Looks at the membership that a pull would use, by a virtual tag too: in a trusted feed it names its admission,
 * and nothing stands against it.
 */
export async function verify(
  tx: Transaction,
  { feedId, repository, tag, digest }: VerifyQuestion,
): Promise<VerifyAnswer> {
  const [row] = await tx.$queryRaw<Row[]>`
    select f.trusted, f.kind = 'remote' as remote, m.digest, m.admission_id as "admissionId",
      case when exists (select from recall where lifted_at is null) then recall_of(f.id, m.digest) end as "recallId"
    from feed f
      left join repository r on r.feed_id = f.id and r.name = ${repository}
      left join current_tag t on t.repository_id = r.id and t.name = ${tag ?? null} and ${digest ?? null}::text is null
      left join repository_manifest m on m.repository_id = r.id and m.digest = coalesce(${digest ?? null}, t.digest)
    where f.id = ${feedId}::uuid`
  const found = row?.digest ?? null
  if (row !== undefined && found === null && !row.remote && tag !== undefined && digest === undefined) {
    const release = await releaseFor(asking(tx), { feedId, repository, tag })
    if (release !== null) return verify(tx, { feedId, repository, tag: release })
  }
  if (row === undefined || found === null) {
    return { allowed: false, digest: digest ?? null, reason: 'not_in_feed', admission: null, recall: null }
  }
  if (!row.trusted || row.admissionId === null) {
    return { allowed: false, digest: found, reason: 'feed_not_trusted', admission: null, recall: null }
  }
  const admission = (await readAdmissions(tx, [row.admissionId])).get(row.admissionId) ?? null
  const recall =
    row.recallId === null ? undefined : (await readStanding(tx, [row.recallId])).get(row.recallId)
  if (recall !== undefined) return { allowed: false, digest: found, reason: 'recalled', admission, recall }
  return { allowed: true, digest: found, reason: 'admitted', admission, recall: null }
}
