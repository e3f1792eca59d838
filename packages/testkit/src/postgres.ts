import { randomBytes } from 'node:crypto'
import { withDatabase } from '@sluice/postgres'
import { Client } from 'pg'

/** What `tests/global-setup.ts` tells the tests about the cluster of this run. */
export type TestPostgres = {
  /** The superuser's URL. */
  readonly adminUrl: string
  /** A database that is migrated and takes no connections. */
  readonly template: string
  /** Of the cluster-wide roles `sluice_api` and `sluice_worker`; give the same to `prepareDatabase`. */
  readonly passwords: { readonly api: string; readonly worker: string }
}

declare module 'vitest' {
  interface ProvidedContext {
    postgres: TestPostgres
  }
}

export type TestDatabase = {
  readonly name: string
  /** The superuser's, on this database. */
  readonly ownerUrl: string
  readonly apiUrl: string
  readonly workerUrl: string
  /** Ends its sessions and removes it. */
  readonly drop: () => Promise<void>
}

/** A migrated database of one's own, for tests of the vitest project `pg`. */
export async function cloneDatabase(): Promise<TestDatabase> {
  const { adminUrl, template } = await testPostgres()
  const database = await createDatabase(template)
  // A template hands on everything but the rights on the database itself.
  const rights = `update pg_database set datacl = (select datacl from pg_database where datname = '${template}')`
  await asAdmin(adminUrl, `${rights} where datname = '${database.name}'`)
  return database
}

/** A database without anything in it, for tests of the migrations themselves. */
export function emptyDatabase(): Promise<TestDatabase> {
  return createDatabase('template0')
}

/** The cluster of this run. Imported late: outside a test run vitest cannot be imported. */
export async function testPostgres(): Promise<TestPostgres> {
  const { inject } = await import('vitest')
  return inject('postgres')
}

async function createDatabase(template: string): Promise<TestDatabase> {
  const { adminUrl, passwords } = await testPostgres()
  const name = `test_${randomBytes(6).toString('hex')}`
  await asAdmin(adminUrl, `create database ${name} template ${template}`)
  const ownerUrl = withDatabase(adminUrl, name)
  return {
    name,
    ownerUrl,
    apiUrl: withRole(ownerUrl, 'sluice_api', passwords.api),
    workerUrl: withRole(ownerUrl, 'sluice_worker', passwords.worker),
    drop: () => asAdmin(adminUrl, `drop database if exists ${name} with (force)`),
  }
}

function withRole(url: string, role: string, password: string): string {
  const changed = new URL(url)
  changed.username = role
  changed.password = password
  return changed.href
}

async function asAdmin(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
