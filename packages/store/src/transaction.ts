import type pg from 'pg'
import { asStoreError, isGivenUp } from './errors.ts'
import type { Prisma, PrismaClient } from './generated/client.ts'

/** Inside one decision: everything it reads and writes goes through here. */
export type Transaction = Prisma.TransactionClient

/** What every part of the store is made over. */
export interface Connections {
  readonly prisma: PrismaClient
  readonly pool: pg.Pool
}

/** Statements given as text, inside a decision. */
export function asking(tx: Transaction) {
  return <Row>(text: string, values: readonly unknown[]): Promise<readonly Row[]> =>
    tx.$queryRawUnsafe<Row[]>(text, ...values)
}

const TRIES = 5

/**
 * One decision in one transaction (READ COMMITTED; lock the request row first, then the promotion).
 * Done again from the start when Postgres gave it up for another's sake, so `decide` has no other effect.
 * @throws StoreError for what Postgres refuses
 */
export function transaction<T>(prisma: PrismaClient, decide: (tx: Transaction) => Promise<T>): Promise<T> {
  return repeated(() => prisma.$transaction(decide))
}

/** The same over `pg`, for the paths that every push takes. */
export function sqlTransaction<T>(pool: pg.Pool, decide: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  return repeated(async () => {
    const client = await pool.connect()
    let broken: Error | undefined
    try {
      await client.query('begin')
      const answer = await decide(client)
      await client.query('commit')
      return answer
    } catch (error) {
      await client.query('rollback').catch((lost: Error) => {
        broken = lost
      })
      throw error
    } finally {
      client.release(broken)
    }
  })
}

async function repeated<T>(run: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await run()
    } catch (error) {
      if (tries === TRIES || !isGivenUp(error)) throw asStoreError(error)
    }
  }
}
