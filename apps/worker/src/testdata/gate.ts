import { until } from '@sluice/testkit'
import { Client } from 'pg'

/** Where a worker's transaction waits, just before it would commit. */
export interface Gate {
  /** Resolves to the backend that waits. */
  reached(): Promise<number>
  /** Ends the transaction that waits as a crash of its client would: nothing of it stays. */
  crash(): Promise<void>
  /** Lets everybody through, from now on. */
  open(): Promise<void>
}

const KEY = 4_711

/**
 * Holds every transaction that writes such a row of `table`, by a trigger of the test's own.
 * @param when a condition over `new`
 */
export async function closeGate(owner: Client, table: string, when: string): Promise<Gate> {
  const keeper = await another(owner)
  await keeper.query('select pg_advisory_lock($1)', [KEY])
  await owner.query(`
    create or replace function test_gate() returns trigger language plpgsql as $$
    begin perform pg_advisory_xact_lock_shared(${KEY}); return new; end $$;
    create trigger test_gate before insert or update on ${table} for each row when (${when})
      execute function test_gate()`)
  const waiting = async (): Promise<number | undefined> => {
    const { rows } = await owner.query<{ pid: number }>(
      `select l.pid from pg_locks l join pg_database d on d.oid = l.database
       where d.datname = current_database() and locktype = 'advisory' and objid = $1 and not granted`,
      [KEY],
    )
    return rows[0]?.pid
  }
  const open = async (): Promise<void> => {
    await keeper.end()
    await owner.query(`drop trigger if exists test_gate on ${table}`)
  }
  return {
    reached: () => until(waiting, { what: `a worker at ${table} when ${when}`, timeoutMs: 60_000 }),
    async crash() {
      await owner.query('select pg_terminate_backend($1, 5000)', [await waiting()])
      await open()
    },
    open,
  }
}

/** Holds everybody who reads this table, and nothing else of theirs. */
export async function lockTable(owner: Client, table: string): Promise<Pick<Gate, 'reached' | 'open'>> {
  const keeper = await another(owner)
  await keeper.query(`begin; lock table ${table} in access exclusive mode`)
  const waiting = async (): Promise<number | undefined> => {
    const { rows } = await owner.query<{ pid: number }>(
      `select pid from pg_locks where relation = $1::regclass and not granted`,
      [table],
    )
    return rows[0]?.pid
  }
  return {
    reached: () => until(waiting, { what: `a worker at ${table}`, timeoutMs: 60_000 }),
    open: () => keeper.end(),
  }
}

/** A connection to the same database, by the same role. */
async function another(owner: Client): Promise<Client> {
  const { host, port, database, user, password } = owner
  const client = new Client({ host, port, ...(database && { database }), ...(user && { user }), ...(password && { password }) })
  // A test that fails drops the database under it.
  client.on('error', () => undefined)
  await client.connect()
  return client
}
