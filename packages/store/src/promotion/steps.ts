import type { JsonValue } from '@sluice/proof'
import type { Transaction } from '../transaction.ts'
import type { Run, RunMember } from './begin.ts'
import { holdRun } from './run-rows.ts'

export interface StagedMember extends RunMember {
  readonly position: number
}

/** Keeps the lease; false when the run was lost and must stop at once. */
export async function renew(tx: Transaction, run: Run, leaseMs: number): Promise<boolean> {
  const kept = await tx.$executeRaw`
    update promotion set lease_until = now() + ${leaseMs} * interval '1 millisecond'
    where id = ${run.promotionId}::uuid and state = 'RUNNING' and attempt = ${run.attempt} and locked_by = ${run.worker}`
  return kept === 1
}

/** Marks a step as begun. @throws StoreError fenced */
export async function startStep(tx: Transaction, run: Run, name: string): Promise<void> {
  await holdRun(tx, run)
  await tx.$executeRaw`update promotion set step = ${name} where id = ${run.promotionId}::uuid`
  await tx.$executeRaw`
    insert into promotion_step (promotion_id, name, attempt) values (${run.promotionId}::uuid, ${name}, ${run.attempt})
    on conflict (promotion_id, name) do update
      set attempt = excluded.attempt, started_at = now(), finished_at = null, result = null`
}

/** Stores a step's result, so that a later attempt resumes after it. @throws StoreError fenced */
export async function finishStep(tx: Transaction, run: Run, name: string, result: JsonValue): Promise<void> {
  await holdRun(tx, run)
  const json = JSON.stringify(result)
  await tx.$executeRaw`
    insert into promotion_step (promotion_id, name, attempt, result, finished_at)
    values (${run.promotionId}::uuid, ${name}, ${run.attempt}, ${json}::jsonb, now())
    on conflict (promotion_id, name) do update
      set attempt = excluded.attempt, result = excluded.result, finished_at = excluded.finished_at`
}

/** Records members as about to be brought; what is staged already stays as it is. @throws StoreError fenced */
export async function stage(tx: Transaction, run: Run, members: readonly StagedMember[]): Promise<void> {
  await holdRun(tx, run)
  await tx.$executeRaw`
    insert into staged_member (promotion_id, position, digest, kind, media_type, size)
    select ${run.promotionId}::uuid, m.position, m.digest, m.kind, m.media_type, m.size
    from unnest(${members.map(({ position }) => position)}::int[], ${members.map(({ digest }) => digest)}::text[],
      ${members.map(({ kind }) => kind)}::text[], ${members.map(({ mediaType }) => mediaType)}::text[],
      ${members.map(({ size }) => String(size))}::bigint[]) m (position, digest, kind, media_type, size)
    on conflict (promotion_id, position, digest) do nothing`
}

/** What is staged for a run, with whether it was verified. */
export async function staged(
  tx: Transaction,
  run: Run,
): Promise<(StagedMember & { readonly verified: boolean })[]> {
  const rows = await tx.$queryRaw<(Omit<StagedMember, 'size'> & { size: bigint; verified: boolean })[]>`
    select position, digest, kind, media_type as "mediaType", size, verified_at is not null as verified
    from staged_member where promotion_id = ${run.promotionId}::uuid order by position, digest collate "C"`
  return rows.map((row) => ({ ...row, size: Number(row.size) }))
}

/** Says of staged members that they are whole. @throws StoreError fenced */
export async function markVerified(
  tx: Transaction,
  run: Run,
  position: number,
  digests: readonly string[],
): Promise<void> {
  await holdRun(tx, run)
  await tx.$executeRaw`
    update staged_member set verified_at = now()
    where promotion_id = ${run.promotionId}::uuid and position = ${position}
      and digest = any (${[...digests]}::text[]) and verified_at is null`
}

/**
 * Forgets what was copied and verified: the destination does not have it after all, whatever it says. The next attempt
 * knows (`Run.lost`). @param blob only this one @throws StoreError fenced
 */
export async function startOver(tx: Transaction, run: Run, blob?: string): Promise<void> {
  await holdRun(tx, run)
  await tx.$executeRaw`
    delete from staged_member
    where promotion_id = ${run.promotionId}::uuid and (${blob ?? null}::text is null or digest = ${blob ?? null})`
  const lost = JSON.stringify({ lost: blob === undefined ? 'all' : [blob] })
  await tx.$executeRaw`
    update promotion_step set finished_at = null, result = ${lost}::jsonb where promotion_id = ${run.promotionId}::uuid`
}

/**
 * Keeps a blob that a hosted target needs and that came from elsewhere; its bytes are stored and were hashed. Answers
 * the storage key of bytes that are superfluous now. @throws StoreError fenced, closure_incomplete
 */
export async function receiveBlob(
  tx: Transaction,
  run: Run,
  { digest, size, storageKey }: { digest: string; size: number; storageKey: string },
): Promise<string | null> {
  const [row] = await tx.$queryRaw<{ superfluous: string | null }[]>`
    select receive_blob(${run.promotionId}::uuid, ${run.attempt}::int, ${run.worker}, ${digest}, ${size}::bigint, ${storageKey}) as superfluous`
  return row?.superfluous ?? null
}

export interface Counts {
  readonly bytes: number
  readonly totalBytes: number
  readonly blobs: number
  readonly totalBlobs: number
}

/** Where the bytes are. `bytesPerSecond` counts those of this step and attempt; `items` are in their order. */
export interface Progress extends Counts {
  readonly bytesPerSecond: number
  readonly items: readonly Counts[]
}

/** Tells everybody who waits how far a run is; one that was lost says nothing any more. */
export async function tellProgress(tx: Transaction, run: Run, progress: Progress): Promise<void> {
  const { bytes, totalBytes, blobs, totalBlobs, bytesPerSecond, items } = progress
  await tx.$executeRaw`
    insert into promotion_progress (promotion_id, bytes, total_bytes, blobs, total_blobs, bytes_per_second, items)
    select id, ${bytes}::bigint, ${totalBytes}::bigint, ${blobs}, ${totalBlobs}, ${bytesPerSecond}::bigint,
      ${JSON.stringify(items)}::jsonb from promotion
    where id = ${run.promotionId}::uuid and state = 'RUNNING' and attempt = ${run.attempt} and locked_by = ${run.worker}
    on conflict (promotion_id) do update set bytes = excluded.bytes, total_bytes = excluded.total_bytes, blobs = excluded.blobs,
      total_blobs = excluded.total_blobs, bytes_per_second = excluded.bytes_per_second, items = excluded.items, at = now()`
}

/** The exact bytes of a manifest; null when it is not stored. */
export async function readManifest(tx: Transaction, digest: string): Promise<Uint8Array | null> {
  const [row] = await tx.$queryRaw<
    { bytes: Uint8Array }[]
  >`select bytes from manifest where digest = ${digest}`
  return row?.bytes ?? null
}

export interface BlobState {
  readonly digest: string
  readonly size: number
  readonly quarantined: boolean
  readonly storageKey: string
}

/** The stored blobs among these digests. */
export async function readBlobs(
  tx: Transaction,
  digests: readonly string[],
): Promise<Map<string, BlobState>> {
  const rows = await tx.$queryRaw<(Omit<BlobState, 'size'> & { size: bigint })[]>`
    select digest, size, quarantined_at is not null as quarantined, storage_key as "storageKey"
    from blob where digest = any (${[...digests]}::text[])`
  return new Map(rows.map((row) => [row.digest, { ...row, size: Number(row.size) }]))
}
