import { StoreError } from '../errors.ts'
import type { Transaction } from '../transaction.ts'

/** Names of users, robots, groups and lanes: lower case, so that two never differ by case alone. */
export function isName(text: string): boolean {
  return text.length <= 64 && /^[a-z0-9](?:[a-z0-9._@-]*[a-z0-9])?$/.test(text)
}

/** @throws StoreError invalid */
export function requireName(name: string, field: string): void {
  if (!isName(name)) {
    throw new StoreError(
      'invalid',
      'a name has 1 to 64 of a-z 0-9 . _ @ -, with a letter or digit at both ends',
      { field },
    )
  }
}

/** Text for people to read. */
export function requireText(text: string, field: string, limit = 200): void {
  if (text.trim() === '' || text.length > limit || /[\p{Cc}\p{Cs}]/u.test(text)) {
    throw new StoreError('invalid', `must have 1 to ${limit} characters, none of them a control character`, {
      field,
    })
  }
}

/** Users and robots share one space of names: either may sign in by it. Holds the name until commit. */
export async function requireFreeSignInName(tx: Transaction, name: string, field: string): Promise<void> {
  await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended(${`sign-in ${name}`}, 0))`
  const taken = await tx.$queryRaw<unknown[]>`
    select 1 from identity where issuer = 'local' and subject = ${name} union all select 1 from robot where name = ${name}`
  if (taken.length > 0) {
    throw new StoreError('name_taken', `the name ${name} belongs to another user or robot`, { field })
  }
}
