import { createHash } from 'node:crypto'
import type pg from 'pg'
import { appendEntrySql, SYSTEM } from '../audit/entry.ts'
import { sqlTransaction } from '../transaction.ts'
import { addToRates, rateLimited, readRates, windowAt } from './rates.ts'

const WINDOW_MS = 5 * 60_000

/** Wrong passwords in one window: for one account from one address, for one account, from one address. */
const LIMITS = { pair: 10, account: 100, address: 100 } as const

/** What an entry names of each; the rest is in its sums. */
const NAMED = 20

/** Whose password was shown, and from where; the address is null where the caller is known already. */
export interface Attempt {
  readonly username: string
  /** Null: there is no such person. */
  readonly personId: string | null
  readonly address: string | null
}

/**
 * Limits wrong passwords, and nothing else: only they are counted, over all replicas. Whoever has reached a
 * limit is refused before the password is looked at, so that a right guess and a wrong one look alike.
 */
export function failedSignIns(pool: pg.Pool, now: () => number = Date.now) {
  const limitsOf = ({ username, personId, address }: Attempt): ReadonlyMap<string, number> => {
    // What was typed may be somebody's password: it is not kept.
    const account = personId ?? `?${createHash('sha256').update(username).digest('base64url')}`
    return new Map<string, number>([
      [`account ${account}`, LIMITS.account],
      ...(address === null
        ? []
        : ([
            [`address ${address}`, LIMITS.address],
            [`pair ${account} ${address}`, LIMITS.pair],
          ] as const)),
    ])
  }
  return {
    /** @throws StoreError rate_limited */
    async require(attempt: Attempt): Promise<void> {
      const window = windowAt(now(), WINDOW_MS)
      const limits = limitsOf(attempt)
      const counts = await readRates(pool, [...limits.keys()], window.since)
      if ([...limits.values()].every((limit, at) => counts[at]! < limit)) return
      throw rateLimited('too many wrong passwords', window, now())
    },

    async note(attempt: Attempt): Promise<void> {
      const { since } = windowAt(now(), WINDOW_MS)
      await addToRates(pool, [...limitsOf(attempt).keys()], { since, by: 1 })
    },

    /**
     * Tells the audit log of the windows that have ended, in one entry `sign_in.failed` each, however many
     * tried. A worker's work: the counters go with it.
     */
    report: (): Promise<void> =>
      sqlTransaction(pool, async (client) => {
        const { since: open } = windowAt(now(), WINDOW_MS)
        const { rows } = await client.query<Counted>(
          `delete from rate_count where since < $1 returning key, since, count`,
          [open],
        )
        const failures = rows.filter(({ key }) => key.startsWith('account ') || key.startsWith('address '))
        const windows = [...new Set(failures.map(({ since }) => since.getTime()))].sort((a, b) => a - b)
        for (const at of windows) {
          const counted = failures.filter(({ since }) => since.getTime() === at)
          await appendEntrySql(client, entryOf(at, counted))
        }
      }),
  }
}

interface Counted {
  readonly key: string
  readonly since: Date
  readonly count: number
}

function entryOf(since: number, counted: readonly Counted[]) {
  const most = (kind: string) =>
    counted
      .filter(({ key }) => key.startsWith(`${kind} `))
      .map(({ key, count }) => ({ name: key.slice(kind.length + 1), failures: count }))
      .sort((a, b) => b.failures - a.failures || (a.name < b.name ? -1 : 1))
  const accounts = most('account')
  const addresses = most('address')
  const known = accounts.filter(({ name }) => !name.startsWith('?'))
  return {
    type: 'sign_in.failed',
    actor: SYSTEM,
    subjects: known.slice(0, NAMED).map(({ name }) => `person:${name}`),
    payload: {
      since: new Date(since).toISOString(),
      until: new Date(since + WINDOW_MS).toISOString(),
      failures: accounts.reduce((sum, { failures }) => sum + failures, 0),
      people: known.length,
      unknownNames: accounts.length - known.length,
      addresses: addresses.length,
      mostTried: known.slice(0, NAMED).map(({ name, failures }) => ({ person: name, failures })),
      mostTrying: addresses.slice(0, NAMED).map(({ name, failures }) => ({ address: name, failures })),
    },
  }
}
