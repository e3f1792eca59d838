import type { Actor } from '../actor.ts'
import { StoreError } from '../errors.ts'
import { sealWith } from '../secrets/seal.ts'
import { type Connections, transaction } from '../transaction.ts'
import {
  type AlertFilter,
  type AlertView,
  feedOfAlert,
  listAlerts,
  readAlert,
  type Resolution,
  resolveAlert,
} from './alerts.ts'
import { type Compared, compare, readLedger } from './compare.ts'
import { connections as registries } from './connect.ts'
import { looking } from './look.ts'
import { compareNow, type Hint, hinted } from './now.ts'
import { type Asking, observe, type Place } from './observe.ts'
import { REMOTE_ROW, type RemoteAccess, type RemoteRow, remoteAccess } from './settings.ts'

/** Feeds whose content another registry stores. @param secret of the installation, which their secrets are sealed with */
export function remotes({ prisma, pool }: Connections, secret?: Uint8Array) {
  const seal = sealWith(secret)
  /** How the registry of this feed is reached; null: it is no remote feed. @throws StoreError secret_unusable */
  const get = async (feedId: string): Promise<RemoteAccess | null> => {
    const { rows } = await pool.query<RemoteRow>(`${REMOTE_ROW} and x.feed_id = $1`, [feedId])
    return rows[0] ? remoteAccess(rows[0], seal) : null
  }
  const { connect, close } = registries(get)

  async function requireRestored(id: string): Promise<void> {
    const of = await feedOfAlert(prisma, id)
    const connected = of && (await connect(of.feedId))
    if (!connected) throw new StoreError('not_found', `there is no alert ${id.slice(0, 40)}`)
    await compareNow(pool, connected, [of])
    const { resolved, tag, seen, expected } = await readAlert(prisma, id)
    if (resolved !== null) return
    const message = `the registry serves ${seen ?? 'nothing'} under ${tag}, and not ${expected ?? 'nothing'}; put it back there first`
    throw new StoreError('tag_alerted', message, { detail: { expected, seen } })
  }

  return {
    get,
    seal,
    connect,
    look: looking(pool, connect),
    /** Records what a registry that the caller has open serves (`observe`). */
    observe: (place: Place, asking: Asking) => observe(pool, place, asking),
    /** Remote feeds that are trusted, and so compared. */
    async trusted(): Promise<readonly { readonly feedId: string }[]> {
      const { rows } = await pool.query<{ feedId: string }>(
        `select id as "feedId" from feed where kind = 'remote' and trusted and deleted_at is null order by id`,
      )
      return rows
    },
    /** What promotions put into a trusted remote feed, to be compared with what its registry serves. */
    ledger: (feedId: string) => readLedger(pool, feedId),
    /** Raises and resolves alerts by what was seen; `at` is the ledger's. */
    compare: (feedId: string, what: Parameters<typeof compare>[2]) => compare(pool, feedId, what),
    /** Looks at once where a registry says that something changed. @throws StoreError not_found, remote_unavailable, remote_refused */
    async hint(feedId: string, hints: readonly Hint[]): Promise<Compared> {
      const connected = await connect(feedId)
      if (connected === null) throw new StoreError('not_found', 'this feed is not remote')
      return compareNow(pool, connected, await hinted(pool, connected, hints))
    },
    alerts: {
      list: (filter: AlertFilter) => listAlerts(prisma, filter),
      feedOf: (id: string) => feedOfAlert(prisma, id),
      /**
       * `restored` is looked at in the registry; the others are the word of whoever resolves.
       * @throws StoreError not_found, already_decided, invalid, tag_alerted, remote_unavailable, remote_refused
       */
      async resolve(
        actor: Actor,
        id: string,
        { resolution, comment }: { readonly resolution: Resolution; readonly comment: string },
      ): Promise<AlertView> {
        if (resolution === 'restored') await requireRestored(id)
        else await transaction(prisma, (tx) => resolveAlert(tx, actor, id, { resolution, comment }))
        return readAlert(prisma, id)
      },
    },
    /** Ends the connections that were kept. */
    close,
  }
}

export type Remotes = ReturnType<typeof remotes>
