import type { Actor } from '../actor.ts'
import { StoreError } from '../errors.ts'
import { isId } from '../id.ts'
import { type Connections, transaction } from '../transaction.ts'
import {
  confirmPurge,
  listPurges,
  type NewPurge,
  openPurge,
  type PurgeFilter,
  type PurgeView,
  readPurges,
} from './purges.ts'

export type { NewPurge, PurgeFilter, PurgeView } from './purges.ts'

/** Removing the bytes of what was recalled, by two persons (docs/recall.md). Postgres decides who may. */
export function purges({ prisma }: Connections) {
  const read = async (id: string): Promise<PurgeView> => {
    const [purge] = await readPurges(prisma, [id])
    if (purge === undefined) throw new StoreError('not_found', `there is no purge ${id}`)
    return purge
  }
  return {
    /** Answers the purge of that recall, when there is one. @throws StoreError not_recalled, purge_not_granted */
    async open(actor: Actor, asked: NewPurge): Promise<{ purge: PurgeView; created: boolean }> {
      const { id, created } = await transaction(prisma, (tx) => openPurge(tx, actor, asked))
      return { purge: await read(id), created }
    },
    /** The feed whose recall it follows, on which a confirming person may hold `recall`; null: no such purge. */
    async feedOf(id: string): Promise<string | null> {
      if (!isId(id)) return null
      const [row] = await prisma.$queryRaw<{ feedId: string }[]>`
        select r.feed_id as "feedId" from purge p join recall r on r.id = p.recall_id where p.id = ${id}::uuid`
      return row?.feedId ?? null
    },
    /** @throws StoreError not_found, self_approval, not_recalled, purged, purge_not_granted */
    async confirm(actor: Actor, id: string): Promise<PurgeView> {
      await transaction(prisma, (tx) => confirmPurge(tx, actor, id))
      return read(id)
    },
    list: (filter: PurgeFilter) => listPurges(prisma, filter),
  }
}
