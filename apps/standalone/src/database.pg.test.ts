import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { readEnvironment } from '@sluice/contract/environment'
import { emptyDatabase, testPostgres, until } from '@sluice/testkit'
import { Client } from 'pg'
import pino from 'pino'
import { afterEach, expect, test } from 'vitest'
import { openDatabase } from './database.ts'
import { openFolder, writePrivate } from './folder.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-database-'))
// As root, PostgreSQL's own account has to pass through; else the server would live elsewhere.
fs.chmodSync(root, 0o711)
let close: ((withinSeconds: number) => Promise<void>) | undefined
afterEach(async () => {
  await close?.(5)
  fs.rmSync(root, { recursive: true, force: true })
})

async function role(url: string): Promise<string> {
  const client = new Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    const { rows } = await client.query<{ role: string }>('select current_user as role')
    return rows[0]?.role ?? ''
  } finally {
    await client.end()
  }
}

const log = pino({ level: 'silent' })

test('an embedded server gives each process its role, and comes back on its port when killed', async () => {
  const folder = path.join(root, 'data')
  const { release } = openFolder(folder)
  const database = await openDatabase(folder, readEnvironment({}), log)
  close = database.close
  expect(await role(database.apiUrl)).toBe('sluice_api')
  expect(await role(database.workerUrl)).toBe('sluice_worker')
  const pidFile = path.join(folder, 'postgres', 'cluster', 'postmaster.pid')
  const pid = (): number => Number(fs.readFileSync(pidFile, 'utf8').split('\n')[0])
  const killed = pid()
  process.kill(killed, 'SIGKILL')
  await until(() => pid() !== killed, { what: 'another postmaster' })
  expect(await until(() => role(database.apiUrl), { what: 'the server on its old port' })).toBe('sluice_api')
  await database.close(5)
  await expect(role(database.apiUrl)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  release()
})

test('an outside database gets the roles of this folder, and is not stopped', async () => {
  fs.mkdirSync(root, { recursive: true })
  const { passwords } = await testPostgres()
  // The cluster is shared by this run's tests: the folder's passwords are to be the ones they use.
  writePrivate(root, 'role-passwords.json', passwords)
  const { ownerUrl, drop } = await emptyDatabase()
  const settings = readEnvironment({
    DATABASE_URL: 'postgres://unused',
    SLUICE_MIGRATE_DATABASE_URL: ownerUrl,
  })
  const database = await openDatabase(root, settings, log)
  await database.close(5)
  expect(await role(database.apiUrl)).toBe('sluice_api')
  await drop()
})
