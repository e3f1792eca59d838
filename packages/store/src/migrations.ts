import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type pg from 'pg'
import { StoreError } from './errors.ts'
import { newId } from './id.ts'

export interface Migration {
  /** The folder's name; they are applied in ASCII order. */
  readonly name: string
  readonly sql: string
  readonly checksum: string
}

// The same depth from src and from dist.
const FOLDER = path.join(import.meta.dirname, '..', '..', '..', 'prisma', 'migrations')

/** The migrations of this build. */
export function readMigrations(): readonly Migration[] {
  return readdirSync(FOLDER, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => {
      const sql = readFileSync(path.join(FOLDER, name, 'migration.sql'))
      return { name, sql: sql.toString(), checksum: createHash('sha256').update(sql).digest('hex') }
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

// As Prisma makes it, so that its own `migrate deploy` and `migrate status` agree with ours.
const TABLE = `create table if not exists _prisma_migrations (
  id varchar(36) primary key not null, checksum varchar(64) not null, finished_at timestamptz,
  migration_name varchar(255) not null, logs text, rolled_back_at timestamptz,
  started_at timestamptz not null default now(), applied_steps_count integer not null default 0)`

/**
 * Applies what is missing, each migration in a transaction of its own with the row that records it.
 * The caller holds the advisory lock. @throws StoreError schema_ahead, migration_changed
 */
export async function applyMigrations(client: pg.Client): Promise<void> {
  await client.query('set role sluice_owner')
  await client.query('set client_min_messages to warning')
  await client.query(TABLE)
  await client.query('grant select on _prisma_migrations to sluice_api, sluice_worker')
  for (const { name, sql, checksum } of missing(await applied(client))) {
    await client.query('begin')
    try {
      await client.query(sql)
      await client.query(
        `insert into _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count)
         values ($1, $2, $3, clock_timestamp(), 1)`,
        [newId(), checksum, name],
      )
      await client.query('commit')
    } catch (error) {
      await client.query('rollback')
      throw error
    }
  }
  await client.query('reset role')
}

/** Refuses a database that does not have exactly the migrations of this build. */
export async function requireMigrated(client: pg.Pool): Promise<void> {
  const left = missing(await applied(client))
  if (left.length > 0) {
    throw new StoreError(
      'schema_behind',
      `the database lacks the migration ${left[0]!.name}; start Sluice once with the owner's URL (SLUICE_MIGRATE_DATABASE_URL)`,
    )
  }
}

type Applied = ReadonlyMap<string, string>

async function applied(client: pg.Client | pg.Pool): Promise<Applied> {
  const { rows: tables } = await client.query(
    `select 1 where to_regclass('public._prisma_migrations') is not null`,
  )
  if (tables.length === 0) return new Map()
  const { rows } = await client.query<{ name: string; checksum: string }>(
    `select migration_name as name, checksum from public._prisma_migrations
     where finished_at is not null and rolled_back_at is null`,
  )
  return new Map(rows.map((row) => [row.name, row.checksum]))
}

function missing(applied: Applied): readonly Migration[] {
  const migrations = readMigrations()
  const known = new Map(migrations.map((migration) => [migration.name, migration.checksum]))
  for (const [name, checksum] of applied) {
    if (!known.has(name)) {
      throw new StoreError(
        'schema_ahead',
        `the database has the migration ${name} of a newer version; run that one`,
      )
    }
    if (known.get(name) !== checksum) {
      throw new StoreError(
        'migration_changed',
        `the migration ${name} was applied with other bytes than this build has`,
      )
    }
  }
  return migrations.filter(({ name }) => !applied.has(name))
}
