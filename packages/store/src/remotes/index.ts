import { sealWith } from '../secrets/seal.ts'
import type { Connections } from '../transaction.ts'
import { connections as registries } from './connect.ts'
import { looking } from './look.ts'
import { type Asking, observe, type Place } from './observe.ts'
import { REMOTE_ROW, type RemoteAccess, type RemoteRow, remoteAccess } from './settings.ts'

/** Feeds whose content another registry stores. @param secret of the installation, which their secrets are sealed with */
export function remotes({ pool }: Connections, secret?: Uint8Array) {
  const seal = sealWith(secret)
  /** How the registry of this feed is reached; null: it is no remote feed. @throws StoreError secret_unusable */
  const get = async (feedId: string): Promise<RemoteAccess | null> => {
    const { rows } = await pool.query<RemoteRow>(`${REMOTE_ROW} and x.feed_id = $1`, [feedId])
    return rows[0] ? remoteAccess(rows[0], seal) : null
  }
  const { connect, close } = registries(get)
  return {
    get,
    seal,
    connect,
    look: looking(pool, connect),
    /** Records what a registry that the caller has open serves (`observe`). */
    observe: (place: Place, asking: Asking) => observe(pool, place, asking),
    /** Ends the connections that were kept. */
    close,
  }
}

export type Remotes = ReturnType<typeof remotes>
