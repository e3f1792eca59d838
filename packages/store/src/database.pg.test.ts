import { randomBytes } from 'node:crypto'
import { cloneDatabase, emptyDatabase, testPostgres } from '@sluice/testkit'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { openStore, prepareDatabase } from './index.ts'

async function ask(url: string, sql: string, values: unknown[] = []): Promise<unknown[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql, values)).rows
  } finally {
    await client.end()
  }
}

test('prepareDatabase may be repeated, and run by several processes at once', async () => {
  const { ownerUrl, drop } = await emptyDatabase()
  const { passwords } = await testPostgres()
  const urls = await Promise.all([1, 2, 3].map(() => prepareDatabase({ ownerUrl, passwords })))
  expect(await prepareDatabase({ ownerUrl, passwords })).toEqual(urls[0])
  expect(await ask(urls[0]!.apiUrl, 'select current_user as role')).toEqual([{ role: 'sluice_api' }])
  expect(await ask(urls[0]!.workerUrl, 'select current_user as role')).toEqual([{ role: 'sluice_worker' }])
  expect(await ask(ownerUrl, 'select count(*)::int as n from _prisma_migrations')).toEqual(
    await ask(ownerUrl, 'select count(distinct migration_name)::int as n from _prisma_migrations'),
  )
  await drop()
})

test('the owner may be a role with CREATEROLE that is no superuser', async () => {
  const { ownerUrl, drop } = await emptyDatabase()
  const { passwords } = await testPostgres()
  const name = `migrator_${randomBytes(4).toString('hex')}`
  const database = new URL(ownerUrl).pathname.slice(1)
  // The roles of this cluster were made by its superuser; as on a server of one's own, hand them over.
  await ask(ownerUrl, `create role ${name} login createrole password 'known'`)
  await ask(
    ownerUrl,
    `grant sluice_owner, sluice_api, sluice_worker, sluice_queue to ${name} with admin true, inherit false, set false`,
  )
  await ask(ownerUrl, `alter database ${database} owner to ${name}`)
  const url = new URL(ownerUrl)
  url.username = name
  url.password = 'known'
  const { apiUrl } = await prepareDatabase({ ownerUrl: url.href, passwords })
  const store = await openStore({ url: apiUrl })
  await store.close()
  await drop()
})

test('openStore refuses a database that this build did not migrate', async () => {
  const empty = await emptyDatabase()
  await expect(openStore({ url: empty.ownerUrl })).rejects.toMatchObject({ code: 'schema_behind' })
  await empty.drop()
  const clone = await cloneDatabase()
  await ask(
    clone.ownerUrl,
    `update _prisma_migrations set checksum = 'other' where migration_name like '%rules'`,
  )
  await expect(openStore({ url: clone.apiUrl })).rejects.toMatchObject({ code: 'migration_changed' })
  await ask(clone.ownerUrl, `update _prisma_migrations set migration_name = '2999_newer'`)
  await expect(openStore({ url: clone.apiUrl })).rejects.toMatchObject({ code: 'schema_ahead' })
  await clone.drop()
})

test('a password beyond printable ASCII is refused before anything is done', async () => {
  const { ownerUrl, drop } = await emptyDatabase()
  const passwords = { api: "it's ä", worker: 'b' }
  await expect(prepareDatabase({ ownerUrl, passwords })).rejects.toMatchObject({ code: 'invalid' })
  await drop()
})
