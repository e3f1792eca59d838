import type { Repository } from '@sluice/oci'
import { exclusively } from '../collect/exclusive.ts'
import { StoreError } from '../errors.ts'
import { type BlobReader, layersOf } from '../evidence/layers.ts'
import { isId } from '../id.ts'
import type { Page } from '../page.ts'
import { readBlobs, readManifest } from '../promotion/steps.ts'
import type { Remotes } from '../remotes/index.ts'
import { type Connections, transaction } from '../transaction.ts'
import { admitLate, intendLate, keepOut, type LateIntent, refuseRecalled } from './admit.ts'
import { askForRepositories, askForScan, dueScans, finishScan, type LateScan } from './due.ts'
import { findLate, type Late } from './find.ts'
import { intendedLate } from './intended.ts'
import { observeLate } from './observe.ts'
import { type LateList, listLate } from './view.ts'

export type { LateIntent } from './admit.ts'
export type { LateScan } from './due.ts'
export type { FoundLate, Late } from './find.ts'
export type { LateList, LateView } from './view.ts'

/** Signatures, SBOMs and attestations that come to a source after the promotion (docs/adr/0014). */
export function lateReferrers(connections: Connections, remotes: Remotes) {
  const { prisma, pool } = connections
  return {
    /** The newest first. @throws StoreError invalid */
    list: (requestId: string, page: Page): Promise<LateList> => listLate(pool, requestId, page),
    /** Has the source of a promotion looked at now. @throws StoreError not_found, request_state */
    async ask(requestId: string): Promise<void> {
      if (isId(requestId) && (await askForScan(pool, requestId))) return
      throw new StoreError(
        'request_state',
        'nothing came along a lane by this request, so nothing follows it',
      )
    },
    /** Has every promotion looked at again that took from these repositories of a feed. */
    askForRepositories: (feedId: string, repositories: readonly string[]) =>
      askForRepositories(pool, feedId, repositories),
    /** Runs `work` unless another worker is at it. */
    exclusively: (work: () => Promise<void>) => exclusively(pool, 'sluice referrers', work),
    due: (limit: number) => dueScans(pool, limit),
    finish: (scan: LateScan, how: Parameters<typeof finishScan>[2]) => finishScan(pool, scan, how),
    observe: (scan: LateScan, at: Repository, signal: AbortSignal) => observeLate(pool, scan, at, signal),
    intended: (scan: LateScan) => intendedLate(pool, scan),
    /** @param storage where the bytes of hosted sources are read */
    find: (scan: LateScan, storage: BlobReader) =>
      findLate(connections, scan, layersOf(prisma, remotes, storage)),
    refuseRecalled: (scan: LateScan, late: Late) => refuseRecalled(pool, scan, late),
    intend: (scan: LateScan, late: Late, intent: LateIntent) =>
      transaction(prisma, (tx) => intendLate(tx, scan, late, intent)),
    admit: (scan: LateScan, late: Late) => transaction(prisma, (tx) => admitLate(tx, scan, late)),
    keepOut: (scan: LateScan, late: Late, how: Parameters<typeof keepOut>[3]) =>
      transaction(prisma, (tx) => keepOut(tx, scan, late, how)),
    readManifest: (digest: string) => readManifest(prisma, digest),
    blobs: (digests: readonly string[]) => readBlobs(prisma, digests),
    /** Keeps a blob that came from elsewhere. Answers the storage key of bytes that are superfluous now. @throws StoreError closure_incomplete */
    async receiveBlob(
      { admissionId }: LateScan,
      { digest: manifest }: Late,
      { digest, size, storageKey }: { digest: string; size: number; storageKey: string },
    ): Promise<string | null> {
      const { rows } = await pool.query<{ superfluous: string | null }>(
        'select receive_late_blob($1, $2, $3, $4, $5) as superfluous',
        [admissionId, manifest, digest, size, storageKey],
      )
      return rows[0]?.superfluous ?? null
    },
  }
}
