import { evidenceRulesOf, leadsBack, type Policy, type RequestKind } from '@sluice/promotion'
import { type Attached, NOTHING_ATTACHED, readAttached } from '../evidence/attached.ts'
import { type BlobReader, layersOf } from '../evidence/layers.ts'
import { isId } from '../id.ts'
import type { Remotes } from '../remotes/index.ts'
import type { Transaction } from '../transaction.ts'
import { frozenFacts } from './facts.ts'
import { readItems } from './rows.ts'

/**
 * What hangs on the images of a request by now, for the gates to be evaluated again: of a request that waits for
 * decisions, or of a promotion that is due. Read before the transaction that decides, since storage may be slow;
 * what is not due reads nothing.
 */
export async function lookAgain(
  tx: Transaction,
  due: { readonly requestId: string } | { readonly promotionId: string; readonly attempt: number },
  remotes: Remotes,
  storage?: BlobReader,
): Promise<Attached> {
  if (storage === undefined) return NOTHING_ATTACHED
  const request = 'requestId' in due ? await pending(tx, due.requestId) : await queued(tx, due)
  if (request === null || leadsBack(request.kind) || evidenceRulesOf(request.policy).length === 0) {
    return NOTHING_ATTACHED
  }
  const { images = [] } = await frozenFacts(tx, request.id)
  const items = await readItems(tx, request.id)
  return readAttached(
    tx,
    items.map(({ position, digest, sourceRepositoryId }) => ({
      digest,
      sourceRepositoryId,
      platforms: images[position] ?? [],
    })),
    layersOf(tx, remotes, storage),
  )
}

interface Due {
  readonly id: string
  readonly kind: RequestKind
  readonly policy: Policy
}

async function pending(tx: Transaction, requestId: string): Promise<Due | null> {
  if (!isId(requestId)) return null
  const [row] = await tx.$queryRaw<Due[]>`
    select r.id, r.kind, v.policy from request r
      join lane_version v on v.lane_id = r.lane_id and v.version = r.lane_version
    where r.id = ${requestId}::uuid and r.state = 'PENDING'`
  return row ?? null
}

async function queued(
  tx: Transaction,
  { promotionId, attempt }: { readonly promotionId: string; readonly attempt: number },
): Promise<Due | null> {
  const [row] = await tx.$queryRaw<Due[]>`
    select r.id, r.kind, v.policy from promotion p join request r on r.id = p.request_id
      join lane_version v on v.lane_id = r.lane_id and v.version = r.lane_version
    where p.id = ${promotionId}::uuid and p.state = 'QUEUED' and p.attempt = ${attempt} and r.state = 'APPROVED'`
  return row ?? null
}
