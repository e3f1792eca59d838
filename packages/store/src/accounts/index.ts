import type { Actor } from '../actor.ts'
import { StoreError } from '../errors.ts'
import type { Connections } from '../transaction.ts'
import { grantsOf } from './grants.ts'
import { groups } from './groups.ts'
import { registryCredentials } from './registry.ts'
import { seed } from './seed.ts'
import { signIns } from './sign-in.ts'
import { tokens } from './tokens.ts'
import { users } from './users.ts'

/** Who there is, how they show it, and what they may do. */
export function accounts(connections: Connections) {
  const { knowsPassword, ...showing } = signIns(connections)
  const { setOwnPassword, ...administered } = users(connections)
  return {
    ...showing,
    ...registryCredentials(connections),
    seed: (options?: Parameters<typeof seed>[1]) => seed(connections, options),
    grantsOf: (actor: Actor | null) => grantsOf(connections.pool, actor),
    users: administered,
    groups: groups(connections),
    tokens: tokens(connections),

    /** @throws StoreError credentials_invalid, invalid, denied (a robot, or a limited token) */
    async changePassword(actor: Actor, { current, next }: { current: string; next: string }): Promise<void> {
      if (actor.personId === null || !actor.scopes.includes('*')) {
        throw new StoreError('denied', 'only a signed-in person changes the own password')
      }
      if (!(await knowsPassword(actor.personId, current))) {
        throw new StoreError('credentials_invalid', 'the current password is wrong')
      }
      if (current === next)
        throw new StoreError('invalid', 'must differ from the current one', { field: 'next' })
      await setOwnPassword(actor, next)
    },
  }
}
