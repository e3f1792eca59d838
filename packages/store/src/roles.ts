import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import type pg from 'pg'
import { postgresError, StoreError } from './errors.ts'

/** What the two processes sign in with. */
export interface Passwords {
  readonly api: string
  readonly worker: string
}

const ROLES = ['sluice_owner', 'sluice_queue', 'sluice_api', 'sluice_worker'] as const

/**
 * Makes the four roles and what they own (docs/security.md). The caller is a superuser, or holds
 * CREATEROLE and owns the database. Roles belong to the whole cluster: another database's start may
 * be making them at this moment, so what collides is done again.
 */
export async function prepareRoles(client: pg.Client, passwords: Passwords): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await client.query('begin')
      await makeRoles(client, passwords)
      await prepareSchemas(client)
      await client.query('commit')
      return
    } catch (error) {
      await client.query('rollback')
      if (tries === 10 || !collided(error)) throw error
    }
  }
}

/** Duplicate role, unique violation on pg_authid, "tuple concurrently updated", deadlock. */
function collided(error: unknown): boolean {
  const said = postgresError(error)
  if (said?.sqlstate === 'XX000') return said.message.includes('concurrently')
  return said !== null && ['42710', '23505', '40P01'].includes(said.sqlstate)
}

async function makeRoles(client: pg.Client, passwords: Passwords): Promise<void> {
  const { rows } = await client.query<{ superuser: boolean; version: number; made: string[] }>(
    `select rolsuper as superuser, current_setting('server_version_num')::int as version,
       array(select rolname::text from pg_roles where rolname = any ($1)) as made
     from pg_roles where rolname = current_user`,
    [ROLES],
  )
  const { superuser, version, made } = rows[0]!
  for (const role of ROLES) {
    if (!made.includes(role)) await client.query(`create role ${role} nologin noinherit`)
  }
  for (const [role, password] of [
    ['sluice_api', passwords.api],
    ['sluice_worker', passwords.worker],
  ] as const) {
    await client.query(`alter role ${role} login password '${scramVerifier(password)}'`)
  }
  // Membership that has to be put on (`set role`) and gives nothing by itself. Before PostgreSQL 16
  // the grant cannot say so; there the roles' NOINHERIT does.
  const putOn = version >= 160_000 ? ' with inherit false, set true' : ''
  await client.query(`grant sluice_queue to sluice_worker${putOn}`)
  if (!superuser) await client.query(`grant sluice_owner, sluice_queue to current_user${putOn}`)
}

async function prepareSchemas(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>('select current_database() as name')
  const database = client.escapeIdentifier(rows[0]!.name)
  // A temporary table could shadow one of ours; nobody but the owner makes anything here.
  await client.query(`revoke create, temporary on database ${database} from public`)
  await client.query(`grant connect on database ${database} to sluice_api, sluice_worker`)
  await client.query(`grant create on database ${database} to sluice_owner, sluice_queue`)
  await client.query('alter schema public owner to sluice_owner')
  await client.query('revoke all on schema public from public')
  await client.query('create schema if not exists bullmq authorization sluice_queue')
  await client.query(`revoke create on database ${database} from sluice_queue`)
}

/**
 * The form in which Postgres stores a password, so that the password itself is in no statement and
 * no server log. RFC 5802, section 3; RFC 7677.
 */
export function scramVerifier(password: string): string {
  // Beyond ASCII, SASLprep would have to be applied here and by every client alike.
  if (!/^[\x21-\x7e]{1,1024}$/.test(password)) {
    throw new StoreError('invalid', 'a database password must be 1 to 1024 printable ASCII characters')
  }
  const iterations = 4096
  const salt = randomBytes(16)
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256')
  const key = (name: string) => createHmac('sha256', salted).update(name).digest()
  const stored = createHash('sha256').update(key('Client Key')).digest('base64')
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${stored}:${key('Server Key').toString('base64')}`
}
