import type pg from 'pg'
import { appendEntry, SYSTEM } from '../audit/entry.ts'
import { StoreError } from '../errors.ts'
import type { Transaction } from '../transaction.ts'
import type { LateScan } from './due.ts'
import type { Late } from './find.ts'

/** What the registry of the target served a moment ago, and how long a tag there may be sent. */
export interface LateIntent {
  /** Under the tag; null: nothing. */
  readonly now: string | null
  /** Milliseconds in which it may be sent, and after that in which what was sent may still arrive. */
  readonly leaseMs: number
  readonly timeoutMs: number
}

/**
 * Before anything of an artifact is sent to a registry elsewhere; `intendLate` asks again before it may be found there.
 * @throws StoreError recalled
 */
export async function refuseRecalled(
  pool: pg.Pool,
  { admissionId }: Pick<LateScan, 'admissionId'>,
  { subject, digest }: Pick<Late, 'subject' | 'digest'>,
): Promise<void> {
  const { rows } = await pool.query<{ digest: string }>(
    `select d.digest from admission a cross join unnest(array[a.digest, $2, $3]) d (digest)
     where a.id = $1 and recalled(a.feed_id, d.digest) limit 1`,
    [admissionId, subject, digest],
  )
  if (rows[0] === undefined) return
  throw new StoreError(
    'recalled',
    `${rows[0].digest} is recalled, so that ${digest} is not sent to the target`,
  )
}

/**
 * Says that an artifact is about to be pushed to the registry of a remote target, after all was checked that lets it
 * follow its image. From then on it is finished, whatever comes.
 * @throws StoreError not_admitted, recalled, target_moved, tag_held
 */
export async function intendLate(
  tx: Transaction,
  scan: LateScan,
  late: Late,
  intent: LateIntent,
): Promise<void> {
  const { id, subject, digest, tag, carries } = late
  const entryId = await entry(tx, 'referrer.intended', scan, late, await displacedBy(tx, scan, late))
  await tx.$executeRaw`
    select intend_referrer(${id}::uuid, ${scan.admissionId}::uuid, ${subject}, ${digest}, ${tag}, ${JSON.stringify(carries)}::jsonb,
      ${entryId}::uuid, ${intent.now}, ${intent.leaseMs} * interval '1 millisecond', ${intent.timeoutMs} * interval '1 millisecond')`
}

/**
 * Lets an artifact follow its image, in one transaction with its entry: membership, tag and record.
 * @throws StoreError not_admitted, recalled, closure_incomplete, target_moved
 */
export async function admitLate(tx: Transaction, scan: LateScan, late: Late): Promise<void> {
  const entryId = await entry(tx, 'referrer.admitted', scan, late)
  const { id, subject, digest, tag, carries } = late
  await tx.$executeRaw`
    select admit_referrer(${id}::uuid, ${scan.admissionId}::uuid, ${subject}, ${digest}, ${tag}, ${JSON.stringify(carries)}::jsonb, ${entryId}::uuid)`
}

interface Displaced {
  readonly id: string
  readonly digest: string
}

/** What was about to be set under the same tag, and waits again from now on. */
async function displacedBy(
  tx: Transaction,
  { target }: LateScan,
  { digest, tag }: Late,
): Promise<readonly Displaced[]> {
  if (tag === '') return []
  return tx.$queryRaw<Displaced[]>`
    select l.id, l.digest from late_referrer l join admission a on a.id = l.admission_id
    where a.repository_id = ${target.repositoryId}::uuid and l.tag = ${tag} and l.digest <> ${digest} and l.state = 'intended'
    order by l.id`
}

function entry(
  tx: Transaction,
  type: 'referrer.intended' | 'referrer.admitted',
  { requestId, promotionId, laneId, admissionId, target }: LateScan,
  { id, subject, digest, tag, carries }: Late,
  displaced: readonly Displaced[] = [],
): Promise<string> {
  return appendEntry(tx, {
    type,
    actor: SYSTEM,
    subjects: [
      `referrer:${id}`,
      `request:${requestId}`,
      `promotion:${promotionId}`,
      `lane:${laneId}`,
      `feed:${target.feedId}`,
      `repository:${target.repositoryId}`,
      `digest:${subject}`,
      `digest:${digest}`,
      ...displaced.flatMap((one) => [`referrer:${one.id}`, `digest:${one.digest}`]),
    ],
    payload: {
      admission: admissionId,
      repository: target.repository,
      subject,
      digest,
      tag: tag === '' ? null : tag,
      carries: carries.map(({ layer, type: what, predicateType, from }) => ({
        layer,
        type: what,
        predicateType,
        from: [...from],
      })),
      ...(displaced.length > 0 && {
        displaced: displaced.map((one) => ({ referrer: one.id, digest: one.digest })),
      }),
    },
  })
}

/**
 * Lists what does not follow its image: for good, or until another scan. It changes nothing, so it has no entry. What is
 * intended stays so, and says why it is not there yet.
 */
export async function keepOut(
  tx: Transaction,
  { admissionId }: Pick<LateScan, 'admissionId'>,
  { id, subject, digest, tag, carries }: Late,
  { state, reason }: { readonly state: 'waiting' | 'refused'; readonly reason: string },
): Promise<void> {
  await tx.$executeRaw`
    insert into late_referrer (id, admission_id, subject, digest, tag, state, reason, carries)
    values (${id}::uuid, ${admissionId}::uuid, ${subject}, ${digest}, ${tag}, ${state}, ${reason.slice(0, 1000)}, ${JSON.stringify(carries)}::jsonb)
    on conflict (admission_id, subject, digest, tag) do update
      set state = case late_referrer.state when 'intended' then 'intended' else excluded.state end, reason = excluded.reason,
        carries = case late_referrer.state when 'intended' then late_referrer.carries else excluded.carries end
      where late_referrer.state in ('waiting', 'intended')`
}
