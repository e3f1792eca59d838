import type { Actor } from '../actor.ts'
import { StoreError } from '../errors.ts'
import { exclusively } from '../collect/exclusive.ts'
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
import { compare, readLedger } from './compare.ts'
import { type Connected, connections as registries } from './connect.ts'
import { listRemoteTags } from './listing.ts'
import { type Tried, tryConnection } from './try.ts'
import type { FeedView } from '../feeds/find.ts'
import type { TagQuery, TagView } from '../feeds/tags.ts'
import type { Paged } from '../page.ts'
import { looking } from './look.ts'
import { followHints, noteHints } from './hints.ts'
import { compareNow, type Hint } from './now.ts'
import { type Asking, observe, type Place } from './observe.ts'
import { REMOTE_ROW, type RemoteAccess, type RemoteRow, remoteAccess } from './settings.ts'

/** Feeds whose content another registry stores, or fills. @param secret of the installation, which their secrets are sealed with */
export function remotes({ prisma, pool }: Connections, secret?: Uint8Array) {
  const seal = sealWith(secret)
  /** How the registry of this feed is reached; null: it has none elsewhere. @throws StoreError secret_unusable */
  const get = async (feedId: string): Promise<RemoteAccess | null> => {
    const { rows } = await pool.query<RemoteRow>(`${REMOTE_ROW} and x.feed_id = $1`, [feedId])
    return rows[0] ? remoteAccess(rows[0], seal) : null
  }
  const { connect, close } = registries(get)

  async function connected(feedId: string): Promise<Connected> {
    const found = await connect(feedId)
    if (found === null) throw notRemote()
    return found
  }

  async function requireRestored(id: string): Promise<void> {
    const of = await feedOfAlert(prisma, id)
    if (of === null) throw new StoreError('not_found', `there is no alert ${id.slice(0, 40)}`)
    await compareNow(pool, await connected(of.feedId), [of])
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
    /** As its registry has them now. @throws StoreError not_found, remote_unavailable, remote_refused */
    async tags(feedId: string, repository: string, query: TagQuery): Promise<Paged<TagView>> {
      return listRemoteTags(pool, await connected(feedId), repository, query)
    },
    /** Tries to reach the registry, in words; with a repository, also to read that. @throws StoreError not_found, secret_unusable */
    async test(feedId: string, repository?: string): Promise<Tried> {
      const access = await get(feedId)
      if (access === null) throw notRemote()
      return tryConnection(access, repository)
    },
    /** Remote feeds that are trusted, and so compared. */
    async trusted(): Promise<readonly { readonly feedId: string }[]> {
      const { rows } = await pool.query<{ feedId: string }>(
        `select id as "feedId" from feed where kind = 'remote' and trusted and deleted_at is null order by id`,
      )
      return rows
    },
    /** Runs `work` unless another worker is at it. */
    exclusively: (work: () => Promise<void>) => exclusively(pool, 'sluice reconcile', work),
    /** What promotions put into a trusted remote feed, to be compared with what its registry serves. */
    ledger: (feedId: string) => readLedger(pool, feedId),
    /** Raises and resolves alerts by what was seen; `at` is the ledger's. */
    compare: (feedId: string, what: Parameters<typeof compare>[2]) => compare(pool, feedId, what),
    /** Notes where the registry of a feed says that something changed; a worker looks. */
    hint: (feed: Pick<FeedView, 'id' | 'trusted'>, hints: readonly Hint[]) => noteHints(pool, feed, hints),
    /** Looks where registries said that something changed, unless another worker does. */
    followHints: (told: Parameters<typeof followHints>[2]) => followHints(pool, connect, told),
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

const notRemote = () =>
  new StoreError('not_found', 'this feed is hosted here: there is no registry elsewhere')

export type Remotes = ReturnType<typeof remotes>
