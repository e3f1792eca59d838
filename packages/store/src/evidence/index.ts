import type { Actor } from '../actor.ts'
import { StoreError } from '../errors.ts'
import { isId } from '../id.ts'
import { type Connections, transaction } from '../transaction.ts'
import { addEvidence, type NewEvidence } from './add.ts'
import { recordTicket, type SaidOfTicket, ticketKeysOf } from './tickets.ts'
import { type EvidenceView, findEvidence, listEvidence, readContent } from './view.ts'

export type { NewEvidence } from './add.ts'
export type { BlobReader } from './layers.ts'
export type { SaidOfTicket } from './tickets.ts'
export type { EvidenceView } from './view.ts'

/** Evidence about digests, and what ticket systems say of requests. */
export function evidence({ prisma }: Connections) {
  return {
    /**
     * Reads, verifies and stores one piece; sent again by the same principal, it is answered as it is.
     * @throws StoreError invalid, digest_unknown, digest_mismatch
     */
    async add(actor: Actor, given: NewEvidence): Promise<{ evidence: EvidenceView; created: boolean }> {
      const { id, created } = await transaction(prisma, (tx) => addEvidence(tx, actor, given))
      const view = await findEvidence(prisma, id, given.feedIds)
      if (view === null) throw new StoreError('not_found', `there is no evidence ${id}`)
      return { evidence: view, created }
    },
    /** @throws StoreError digest_unknown */
    list: (filter: Parameters<typeof listEvidence>[1]) => listEvidence(prisma, filter),
    /** One piece with its raw content; null when there is none, or none that may be seen. */
    async get(
      id: string,
      visibleFeedIds: readonly string[],
    ): Promise<(EvidenceView & { content: string }) | null> {
      const view = await findEvidence(prisma, id, visibleFeedIds)
      return view === null ? null : { ...view, content: await readContent(prisma, id) }
    },
    /** The keys that callbacks about this request are signed with; null when there is no such request. */
    ticketKeys: (requestId: string) =>
      isId(requestId) ? ticketKeysOf(prisma, requestId) : Promise.resolve(null),
    /** @throws StoreError not_found, request_state, request_expired, invalid */
    ticket: (requestId: string, said: SaidOfTicket) =>
      transaction(prisma, (tx) => recordTicket(tx, requestId, said)),
  }
}
