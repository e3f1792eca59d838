import { Client } from 'pg'
import { asStoreError } from './errors.ts'
import { applyMigrations } from './migrations.ts'
import { type Passwords, prepareRoles } from './roles.ts'

/** The number that Prisma's own `migrate` locks; the two never run at once. */
const MIGRATION_LOCK = 72_707_369

/**
 * Makes the roles with these passwords, the schemas, and applies the missing migrations; answers the
 * URL of each role. Safe to repeat, and from several processes at once.
 * @param ownerUrl a superuser, or the owner of the database with CREATEROLE
 * @throws StoreError schema_ahead, migration_changed, invalid (passwords), unavailable
 */
export async function prepareDatabase({
  ownerUrl,
  passwords,
}: {
  ownerUrl: string
  passwords: Passwords
}): Promise<{ apiUrl: string; workerUrl: string }> {
  const client = new Client({ connectionString: ownerUrl, application_name: 'sluice migrate' })
  try {
    await client.connect()
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK])
    await prepareRoles(client, passwords)
    await applyMigrations(client)
  } catch (error) {
    throw asStoreError(error)
  } finally {
    // Also ends the lock, which belongs to the session.
    await client.end()
  }
  return {
    apiUrl: withRole(ownerUrl, 'sluice_api', passwords.api),
    workerUrl: withRole(ownerUrl, 'sluice_worker', passwords.worker),
  }
}

function withRole(url: string, role: string, password: string): string {
  const changed = new URL(url)
  changed.username = role
  changed.password = encodeURIComponent(password)
  return changed.href
}
