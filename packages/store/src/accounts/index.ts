import type { Actor } from '../actor.ts'
import { StoreError } from '../errors.ts'
import type { Connections } from '../transaction.ts'
import { failedSignIns } from './failures.ts'
import { grantsOf } from './grants.ts'
import { groups } from './groups.ts'
import { addToRates } from './rates.ts'
import { registryCredentials } from './registry.ts'
import { seed } from './seed.ts'
import { signIns } from './sign-in.ts'
import { tokens } from './tokens.ts'
import { users } from './users.ts'

/** Who there is, how they show it, and what they may do. */
export function accounts(connections: Connections, now: () => number = Date.now) {
  const failures = failedSignIns(connections.pool, now)
  const { knowsPassword, ...showing } = signIns(connections, failures)
  const { setOwnPassword, ...administered } = users(connections)
  return {
    ...showing,
    ...registryCredentials(connections),
    seed: (options?: Parameters<typeof seed>[1]) => seed(connections, options),
    grantsOf: (actor: Actor | null) => grantsOf(connections.pool, actor),
    users: administered,
    groups: groups(connections),
    tokens: tokens(connections),
    reportFailedSignIns: failures.report,

    /**
     * Counts what comes from one address and is behind no account, over all replicas.
     * @returns what it stands at in this window
     */
    async countUnauthenticated(address: string, { since, by }: { since: Date; by: number }): Promise<number> {
      const [count] = await addToRates(connections.pool, [`unauthenticated ${address}`], { since, by })
      return count ?? by
    },

    /** @throws StoreError credentials_invalid, rate_limited, invalid, denied (a robot, or a limited token) */
    async changePassword(actor: Actor, { current, next }: { current: string; next: string }): Promise<void> {
      if (actor.personId === null || !actor.scopes.includes('*')) {
        throw new StoreError('denied', 'only a signed-in person changes the own password')
      }
      if (!(await knowsPassword({ personId: actor.personId, name: actor.name }, current))) {
        throw new StoreError('credentials_invalid', 'the current password is wrong')
      }
      if (current === next)
        throw new StoreError('invalid', 'must differ from the current one', { field: 'next' })
      await setOwnPassword(actor, next)
    },
  }
}
