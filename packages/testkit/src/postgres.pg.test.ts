import { Client } from 'pg'
import { expect, test } from 'vitest'
import { cloneDatabase, emptyDatabase } from './index.ts'

async function ask(url: string, sql: string): Promise<Record<string, unknown> | undefined> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows[0]
  } finally {
    await client.end()
  }
}

const tables = `select count(*)::int as n from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`

test('a clone is migrated, open to each role by its own password, and apart from other clones', async () => {
  const [one, two] = await Promise.all([cloneDatabase(), cloneDatabase()])
  expect(await ask(one.apiUrl, 'select current_user as role')).toEqual({ role: 'sluice_api' })
  expect(await ask(one.workerUrl, 'select current_user as role')).toEqual({ role: 'sluice_worker' })
  await expect(ask(one.apiUrl, 'create temporary table t (n int)')).rejects.toMatchObject({ code: '42501' })
  const migrated = await ask(two.ownerUrl, tables)
  expect(migrated?.['n']).toBeGreaterThan(0)
  await ask(one.ownerUrl, 'create table only_here as select 1 as n')
  expect(await ask(two.ownerUrl, tables)).toEqual(migrated)
  await one.drop()
  await expect(ask(one.ownerUrl, 'select 1')).rejects.toMatchObject({ code: '3D000' })
  await two.drop()
})

test('an empty database has no table', async () => {
  const { ownerUrl, drop } = await emptyDatabase()
  expect(await ask(ownerUrl, tables)).toEqual({ n: 0 })
  await drop()
})
